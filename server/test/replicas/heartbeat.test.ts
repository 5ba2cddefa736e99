// Two replicas share what holds for the installation. One that starts or ends changes the share of the other.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { readMetrics } from '../metrics/read-metrics.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

// A look that is late on a busy machine is followed by more before the share grows.
const timings = { heartbeatMs: 100, replicaGoneMs: 500 }
const patience = { timeout: 20_000 }
const limits = { KEYHOLD_METRICS_PORT: '0', KEYHOLD_TIER_1_REQUESTS_PER_MINUTE: '30' }

let first: TestServer
beforeAll(async () => {
  first = await startTestServer(limits, { timings })
})
afterAll(() => first.stop())

async function replicasAt(metricsUrl: string | undefined): Promise<number | undefined> {
  return readMetrics(await (await fetch(`${metricsUrl}/metrics`)).text()).value('keyhold_replicas')
}

/** How many of 40 requests of a new tenant's admin are let through. */
async function letThrough(url: string): Promise<number> {
  const { adminToken } = await first.createTenant()
  const headers = { authorization: `Bearer ${adminToken}` }
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => fetch(`${url}/api/v1/encryption/keyproviders`, { headers })),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([])
  return statuses.filter((status) => status === 200).length
}

test('a replica that starts halves the share, one that stops gives it back', async () => {
  expect(await replicasAt(first.metricsUrl)).toBe(1)
  expect(await letThrough(first.url)).toBeGreaterThanOrEqual(30)

  const second = await startSecondReplica(first, limits, timings)
  expect(await replicasAt(second.metricsUrl)).toBe(2)
  await expect.poll(() => replicasAt(first.metricsUrl), patience).toBe(2)
  for (const { url } of [first, second]) {
    const taken = await letThrough(url)
    // While a slow machine sends 40, some may come back: one every four seconds.
    expect(taken).toBeGreaterThanOrEqual(15)
    expect(taken).toBeLessThan(30)
  }

  await second.stop()
  expect(await first.query('select id from keyhold.replicas')).toHaveLength(1)
  await expect.poll(() => replicasAt(first.metricsUrl), patience).toBe(1)
  expect(await letThrough(first.url)).toBeGreaterThanOrEqual(30)
})

slowTest('a replica that was killed counts until it has been silent long enough', async () => {
  await first.query(`insert into keyhold.replicas (id) values ('killed')`)
  await expect.poll(() => replicasAt(first.metricsUrl), patience).toBe(2)
  await expect.poll(() => replicasAt(first.metricsUrl), patience).toBe(1)
})
