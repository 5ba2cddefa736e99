// A small dose of what `npm run faults` does at length: two replicas, killed at failpoints and anywhere.
import { expect, test } from 'vitest'
import { runCampaign } from '../src/faults/run-campaign.ts'

test('when everything is killed, cut or refused, no key is lost or wrong, and all migrations end by themselves', async () => {
  const { details, ...result } = await runCampaign({
    kills: 3,
    minFailpoints: 1,
    cipherkeys: 60,
    tenants: 2,
    seed: 7,
    say: () => undefined,
  })
  expect(details.problems).toEqual([])
  expect(result).toMatchObject({ lost: 0, wrong: 0, manual: 0 })
  expect(result.kills).toBeGreaterThanOrEqual(3)
  expect(result.migrations).toBeGreaterThan(0)
  expect(result.failpointsHit).toBeGreaterThan(0)
  expect(details.traffic.decrypted).toBeGreaterThan(0)
}, 600_000)
