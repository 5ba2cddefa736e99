// A small dose of `npm run region-down`: two replicas, one of the outages, for seconds.
import { expect, test } from 'vitest'
import { runRegionDown } from '../src/region-down/run-region-down.ts'

test('with its region down for seconds, a tenant with a replica notices nothing, and others are told the outage', async () => {
  const { problems, phases } = await runRegionDown({
    ...{ minutes: 0.15, rate: 60, ttlSeconds: 1, outages: ['refused'] },
    tenants: { 'with a replica': 1, 'replica without a policy': 0, 'single region': 1, 'internal KMS': 1 },
    say: () => undefined,
  })
  expect(problems).toEqual([])
  const [, down] = phases
  expect(down?.tenants['with a replica']).toMatchObject({ failed: 0 })
  expect(down?.tenants['single region'].failed).toBeGreaterThan(0)
  expect(down?.kmsCalls['eu-west-3']).toBeGreaterThan(0)
}, 150_000)
