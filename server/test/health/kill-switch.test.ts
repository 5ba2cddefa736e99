// The kill switch: a locked tenant's data is closed on every replica within seconds, whatever is in memory, whether or
// not the notification arrives, and stays closed over a restart.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Server } from '../../src/main.ts'
import { call, decryptAll, encryptUnder, plaintextOf } from '../../../testkit/src/http/api.ts'

import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const lockPath = '/api/v1/encryption/actions/lock'
const unlockPath = '/api/v1/encryption/actions/unlock'
// The promise for a replica that reaches the database.
const boundMs = 5_000

let first: TestServer
let second: Server
let neighbour: TestTenant
let neighbours: string[]
beforeAll(async () => {
  // So long that only the lock can end what is held.
  first = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '3600' })
  second = await startSecondReplica(first, { KEYHOLD_KEY_CACHE_TTL_SECONDS: '3600' })
  neighbour = await first.createTenant()
  neighbours = await encryptUnder(first.url, neighbour, ['n'])
})
afterAll(async () => {
  await second.stop()
  await first.stop()
})

async function tenantInUse(): Promise<{ tenant: TestTenant; tokens: string[] }> {
  const tenant = await first.createTenant()
  const tokens = await encryptUnder(first.url, tenant, ['one'])
  for (const { url } of [first, second])
    expect(await decryptAll(url, tenant, tokens)).toEqual([plaintextOf('one')])
  return { tenant, tokens }
}

const outcome = (url: string, tenant: TestTenant, tokens: string[]) =>
  decryptAll(url, tenant, tokens).then(
    () => 'open',
    (error: unknown) => /got 423: .*ERR_TENANT_LOCKED/.exec(String(error))?.[0].slice(0, 7) ?? String(error),
  )

test('a lock closes the tenant here at once and on the other replica within the bound; unlocking opens it', async () => {
  const { tenant, tokens } = await tenantInUse()
  const locked = await call(first.url, tenant.adminToken, 'POST', lockPath)
  expect(locked).toMatchObject({ status: 200, body: { tenantId: tenant.tenantId, locked: true } })

  expect(await outcome(first.url, tenant, tokens)).toBe('got 423')
  await expect.poll(() => outcome(second.url, tenant, tokens), { timeout: boundMs }).toBe('got 423')
  const { serviceToken, adminToken } = tenant
  for (const [path, body] of [
    ['/encrypt', { items: [{ plaintext: 'aGk=' }] }],
    ['/reencrypt', { items: tokens.map((token) => ({ token })) }],
    ['/data-keys', {}],
    ['/data-keys/blind-index', { keyName: 'email' }],
  ] as const) {
    const refused = await call(first.url, serviceToken, 'POST', `/api/v1/encryption${path}`, body)
    expect([path, refused.status]).toEqual([path, 423])
  }
  const managed = await call(first.url, adminToken, 'GET', '/api/v1/encryption/keyproviders/actions/list')
  expect(managed.status).toBe(200)
  expect(await outcome(second.url, neighbour, neighbours)).toBe('open')
  // Again: the lock stays the one that it was.
  const again = await call(second.url, adminToken, 'POST', lockPath)
  expect(again).toEqual(locked)

  expect((await call(second.url, adminToken, 'POST', unlockPath)).body).toEqual({
    tenantId: tenant.tenantId,
    locked: false,
  })
  expect(await outcome(second.url, tenant, tokens)).toBe('open')
  await expect.poll(() => outcome(first.url, tenant, tokens), { timeout: boundMs }).toBe('open')
})

slowTest('without a notification every replica sees lock and unlocking within the bound', async () => {
  const { tenant, tokens } = await tenantInUse()
  // Written past the server: nobody is told.
  await first.query(`insert into keyhold.tenant_locks (tenant_id, locked_by) values ($1, 'test')`, [
    tenant.tenantId,
  ])
  for (const { url } of [first, second])
    await expect.poll(() => outcome(url, tenant, tokens), { timeout: boundMs }).toBe('got 423')

  await first.query('delete from keyhold.tenant_locks where tenant_id = $1', [tenant.tenantId])
  for (const { url } of [first, second])
    await expect.poll(() => outcome(url, tenant, tokens), { timeout: boundMs }).toBe('open')
})

test('a replica that has not heard of a lock takes no key into memory', async () => {
  const tenant = await first.createTenant()
  const tokens = await encryptUnder(first.url, tenant, ['one'])
  await first.query(`insert into keyhold.tenant_locks (tenant_id, locked_by) values ($1, 'test')`, [
    tenant.tenantId,
  ])
  // The second replica holds nothing of this tenant, and need not have polled.
  expect(await outcome(second.url, tenant, tokens)).toBe('got 423')
})

slowTest('a lock survives a restart', async () => {
  const { tenant, tokens } = await tenantInUse()
  await call(first.url, tenant.adminToken, 'POST', lockPath)
  await first.restart()
  expect(await outcome(first.url, tenant, tokens)).toBe('got 423')
  await call(first.url, tenant.adminToken, 'POST', unlockPath)
  expect(await outcome(first.url, tenant, tokens)).toBe('open')
})
