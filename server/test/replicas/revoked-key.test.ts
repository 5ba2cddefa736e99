// A revoked API key is refused at once by the replica that revoked it, and by the others as soon as they hear of it or look.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Server } from '../../src/main.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'

// One of them only hears, the other one only looks: it never hears of a row that is deleted by hand.
const never = 600_000
const pollMs = 300
let first: TestServer
let second: Server
let hears: Server
beforeAll(async () => {
  first = await startTestServer({}, { timings: { apiKeyPollMs: never } })
  hears = await startSecondReplica(first, {}, { apiKeyPollMs: never })
  second = await startSecondReplica(first, {}, { apiKeyPollMs: pollMs })
})
afterAll(async () => {
  await hears.stop()
  await second.stop()
  await first.stop()
})

const statusAt = async ({ url }: { url: string }, token: string) =>
  (await fetch(`${url}/api/v1/encryption/settings`, { headers: { authorization: `Bearer ${token}` } })).status
const idOf = async ({ tenantId }: TestTenant) => {
  const rows = await first.query(
    "select id from keyhold.api_keys where tenant_id = $1 and role = 'tenant-admin'",
    [tenantId],
  )
  return String(rows[0]?.id)
}

test('where it was revoked it is refused at once, elsewhere as soon as that is told', async () => {
  const tenant = await first.createTenant()
  for (const each of [first, hears]) expect(await statusAt(each, tenant.adminToken)).toBe(200)

  const path = `/api/v1/api-keys/${await idOf(tenant)}`
  expect((await first.request('DELETE', path, { token: first.operatorToken })).status).toBe(204)

  expect(await statusAt(first, tenant.adminToken)).toBe(401)
  await expect.poll(() => statusAt(hears, tenant.adminToken), { timeout: 2_000, interval: 20 }).toBe(401)
})

test('the API keys of a tenant end with it', async () => {
  const tenant = await first.createTenant()
  for (const each of [first, hears]) expect(await statusAt(each, tenant.adminToken)).toBe(200)

  const path = `/api/v1/tenants/${tenant.tenantId}`
  expect((await first.request('DELETE', path, { token: first.operatorToken })).status).toBe(204)

  expect(await statusAt(first, tenant.adminToken)).toBe(401)
  await expect.poll(() => statusAt(hears, tenant.adminToken), { timeout: 2_000, interval: 20 }).toBe(401)
})

test('a replica that hears nothing looks, and one that does neither changes nothing for a revoked key', async () => {
  const tenant = await first.createTenant()
  for (const each of [first, second]) expect(await statusAt(each, tenant.adminToken)).toBe(200)
  await first.query('delete from keyhold.api_keys where id = $1', [await idOf(tenant)])

  await expect.poll(() => statusAt(second, tenant.adminToken), { timeout: 2_000, interval: 20 }).toBe(401)
  expect(await statusAt(first, tenant.adminToken)).toBe(200)
  const change = { token: tenant.adminToken, body: { keyCacheTtlSeconds: 30 } }
  expect((await first.request('PATCH', '/api/v1/encryption/settings', change)).status).toBe(401)
  expect(
    await first.query('select key_cache_ttl_seconds as ttl from keyhold.tenants where id = $1', [
      tenant.tenantId,
    ]),
  ).toEqual([{ ttl: null }])
})
