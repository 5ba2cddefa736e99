// The metrics of a replica are in the format, complete and true, and tell nothing of tenants.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import { keyArnFingerprint } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metricCatalog } from '../../src/metrics/metric-catalog.ts'
import { errorCode } from '../http/read-body.ts'
import { createTenantWithOwnKey, encryptText } from '../http/scene.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { readMetrics, type ReadMetrics } from './read-metrics.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer(
    { KEYHOLD_METRICS_PORT: '0', KEYHOLD_KEY_CACHE_TTL_SECONDS: '1' },
    { timings: { metricCounts: { minMs: 0, timesTook: 0 } } },
  )
})
afterAll(() => server.stop())

async function scrape(): Promise<ReadMetrics> {
  const answer = await fetch(`${server.metricsUrl}/metrics`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ])
  return readMetrics(await answer.text())
}

test('what happens is counted, by what it is and not by whose', async () => {
  const before = await scrape()
  expect(before.value('keyhold_keys')).toBeUndefined()
  expect(before.value('keyhold_tenants', { locked: 'false' })).toBe(0)

  const tenant = await createTenantWithOwnKey(server)
  const other = await server.createTenant()
  const text = await encryptText(server, tenant, 'counted')
  const body = { items: [{ token: text }, { token: text }, { token: 'kh1.broken' }] }
  await server.request('POST', '/api/v1/encryption/decrypt', { token: tenant.serviceToken, body })
  await server.request('POST', '/api/v1/encryption/decrypt', { token: tenant.serviceToken, body: {} })
  await server.request('POST', '/api/v1/encryption/actions/lock', { token: other.adminToken })

  const then = await scrape()
  expect(then.value('keyhold_items_total', { operation: 'decrypt', outcome: 'ok' })).toBe(2)
  expect(then.value('keyhold_items_total', { operation: 'decrypt', outcome: 'failed' })).toBe(1)
  const replies = { route: 'decrypt' }
  expect(then.value('keyhold_http_request_duration_seconds_count', { ...replies, status: '2xx' })).toBe(1)
  expect(then.value('keyhold_http_request_duration_seconds_count', { ...replies, status: '4xx' })).toBe(1)
  for (const action of ['Decrypt', 'GenerateDataKey']) {
    const keyId = tenant.arn.split('/')[1]
    const asked = server.kms.countCalls({ keyId, operation: action })
    expect([action, then.value('keyhold_kms_requests_total', { action })]).toEqual([action, asked])
    expect(then.value('keyhold_kms_call_duration_seconds_count', { action })).toBe(asked)
  }
  expect(then.value('keyhold_kms_calls_total', { action: 'Decrypt', outcome: 'ok' })).toBeGreaterThan(0)
  expect(then.value('keyhold_key_cache_hits_total', { cache: 'data_key' })).toBeGreaterThan(0)
  expect(then.value('keyhold_key_cache_misses_total', { cache: 'tenant_key' })).toBeGreaterThan(0)
  expect(then.value('keyhold_key_cache_entries', { cache: 'data_key' })).toBeGreaterThan(0)
  expect(then.value('keyhold_keys', { state: 'healthy', cause: 'none' })).toBe(1)
  expect(then.value('keyhold_tenants', { locked: 'true' })).toBe(1)
  expect(then.value('keyhold_tenants', { locked: 'false' })).toBe(1)
  expect(then.value('keyhold_key_jobs', { kind: 'migration', phase: 'done' })).toBe(1)
  expect(then.value('keyhold_database_up')).toBe(1)
  expect(then.value('keyhold_database_connections')).toBeGreaterThan(0)
  expect(then.value('keyhold_sealed')).toBe(0)
  expect(then.value('nodejs_heap_size_used_bytes')).toBeGreaterThan(0)

  await server.customerKms().send(new DisableKeyCommand({ KeyId: tenant.arn }))
  const refused = { state: 'disabled', cause: 'ERR_KMS_KEY_DISABLED' }
  await expect
    .poll(
      async () => {
        await server.request('POST', '/api/v1/encryption/decrypt', { token: tenant.serviceToken, body })
        return (await scrape()).value('keyhold_keys', refused)
      },
      { timeout: 10_000 },
    )
    .toBe(1)
  const last = await scrape()
  expect(last.value('keyhold_key_state_changes_total', refused)).toBe(1)
  expect(
    last.value('keyhold_key_cache_evictions_total', { cache: 'tenant_key', reason: 'ended' }),
  ).toBeGreaterThan(0)
  for (const secret of [
    ...[tenant.tenantId, other.tenantId, tenant.arn, keyArnFingerprint(tenant.arn)],
    ...['222222222222', tenant.serviceToken, text],
  ]) {
    expect(last.text).not.toContain(secret)
  }
}, 60_000)

test('every metric that is documented is there, with the labels that are documented, and no other', async () => {
  const { families } = await scrape()
  const own = [...families.keys()].filter((name) => name.startsWith('keyhold_'))
  expect(own.toSorted()).toEqual(Object.keys(metricCatalog).toSorted())
  for (const [name, { type, labels }] of Object.entries(metricCatalog)) {
    const family = families.get(name)
    expect([name, family?.type]).toEqual([name, type])
    for (const each of family?.labels ?? [])
      expect(each.filter((label) => label !== 'le')).toEqual([...labels])
  }
})

test('the listener has metrics and nothing else, and tenants have none', async () => {
  const status = async (url: string, method = 'GET') => (await fetch(url, { method })).status
  const { metricsUrl = '' } = server
  expect(await status(`${metricsUrl}/metrics`, 'POST')).toBe(405)
  expect(await status(`${metricsUrl}/metrics`, 'HEAD')).toBe(200)
  expect(await status(`${metricsUrl}/`)).toBe(404)
  expect(await status(`${metricsUrl}/api/v1/tenants`)).toBe(404)
  expect(new URL(metricsUrl).hostname).toBe('127.0.0.1')
  const { status: refused, body } = await server.request('GET', '/metrics', { token: server.operatorToken })
  expect([refused, errorCode(body)]).toEqual([404, 'ERR_ROUTE_NOT_FOUND'])
})
