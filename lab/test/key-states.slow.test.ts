// A small dose of `npm run lab key-states`.
import { expect, test } from 'vitest'
import { runKeyStates } from '../src/key-states/run-key-states.ts'

test('a disabled key is shown in time among keys of which a third fails in every way', async () => {
  const result = await runKeyStates({
    ...{ keys: 60, failing: 20, trials: 3, probeSeconds: 5, withinSeconds: 60 },
    say: () => undefined,
  })
  expect(result.problems).toEqual([])
  expect(result.failures.map(({ keys }) => keys)).toEqual([5, 5, 5, 5])
  expect(result.failures.at(-1)?.callsPerMinute).toBe(0)
}, 300_000)
