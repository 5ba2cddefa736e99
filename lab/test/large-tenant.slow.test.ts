// A small dose of `npm run lab large-tenant`.
import { expect, test } from 'vitest'
import { runLargeTenant } from '../src/large-tenant/run-large-tenant.ts'

test('a migration takes the fence four times, and no writer fails or loses a key beside it', async () => {
  const result = await runLargeTenant({
    ...{ cipherkeys: 3_000, writers: 4, pauseMs: 100, isDeleted: true },
    say: () => undefined,
  })
  expect(result.problems).toEqual([])
  expect(result.fences.map(({ step }) => step)).toEqual(['start', 'prepare', 'dual', 'cutover'])
  expect(result.writers.every(({ replies }) => replies > 0)).toBe(true)
}, 300_000)
