// A small dose of `npm run revocation`: two replicas, every way once.
import { expect, test } from 'vitest'
import { runRevocations } from '../src/revocation/run-revocations.ts'

test('however a key is taken away, both replicas close within the bound, say why, and open again', async () => {
  const { details, ...result } = await runRevocations({
    ...{ trials: 8, locks: 0, tenants: 8, ttlSeconds: 1, losesNotifications: true, seed: 20_261_123 },
    say: () => undefined,
  })
  expect(details.problems).toEqual([])
  expect(result).toMatchObject({ trials: 8, violations: 0, wrong: 0, neighbours: { refused: 0 } })
}, 120_000)
