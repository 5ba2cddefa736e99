// A small dose of `npm run forge -- --histories 100000`.
import { expect, test } from 'vitest'
import { runHistories } from '../src/forge/histories/run-histories.ts'

test('without an attacker no row counts as faulty, whatever two replicas do, lose and forget', async () => {
  const { problems, ...result } = await runHistories({
    ...{ histories: 10, steps: 20, seed: 1_201, lanes: 3 },
    say: () => undefined,
  })
  expect(problems).toEqual([])
  expect(result.histories).toBe(10)
  expect(result.done).toBeGreaterThan(150)
  expect(result.restarts).toBeGreaterThan(5)
  expect(result.failovers).toBeGreaterThan(0)
  expect(result.kept).toBeGreaterThan(20)
}, 120_000)
