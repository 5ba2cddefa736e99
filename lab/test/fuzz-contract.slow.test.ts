// A small dose of `npm run fuzz:contract`, with a seed that is another one in each run: a failure names it.
import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { runFuzzContract } from '../src/fuzz-contract/run-fuzz-contract.ts'

test('every answer to a drawn request is one that the contract describes, and nothing tells a secret', async () => {
  const result = await runFuzzContract({ requests: 400, seed: randomInt(2 ** 31), say: () => undefined })
  expect(result.problems).toEqual([])
  expect(result.requests).toBe(400)
  expect(result.succeeded).toBeGreaterThan(25)
  expect(Object.keys(result.statuses)).toEqual(expect.arrayContaining(['200', '400', '401', '403', '404']))
}, 600_000)
