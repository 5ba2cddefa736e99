// A tenant that chooses a shorter time for its keys: it holds at once on every replica, and for this tenant alone.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, errorCode } from '../http/read-body.ts'
import { createTenantWithOwnKey } from '../http/scene.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import { decryptAll, encryptUnder, plaintextOf } from '../../../testkit/src/http/api.ts'
import type { Server } from '../../src/main.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const path = '/api/v1/encryption/settings'
const limits = {
  KEYHOLD_KEY_CACHE_TTL_SECONDS: '300',
  KEYHOLD_KEY_CACHE_MIN_TTL_SECONDS: '2',
}

let first: TestServer
let second: Server
beforeAll(async () => {
  first = await startTestServer(limits)
  second = await startSecondReplica(first, limits)
})
afterAll(async () => {
  await second.stop()
  await first.stop()
})

const send = (method: string, { adminToken: token }: TestTenant, body?: unknown) =>
  first.request(method, path, { token, ...(body !== undefined && { body }) })
const outcome = (url: string, tenant: TestTenant, tokens: string[]) =>
  decryptAll(url, tenant, tokens).then(
    () => 'open',
    (error: unknown) => /ERR_[A-Z_]+/.exec(String(error))?.[0] ?? String(error),
  )

test('it ends what every replica holds, and bounds what is held from then on, of this tenant alone', async () => {
  const tenant = await createTenantWithOwnKey(first)
  const neighbour = await createTenantWithOwnKey(first)
  const tokens = await encryptUnder(first.url, tenant, ['one'])
  const neighbours = await encryptUnder(first.url, neighbour, ['one'])
  for (const { url } of [first, second]) {
    expect(await decryptAll(url, tenant, tokens)).toEqual([plaintextOf('one')])
    expect(await decryptAll(url, neighbour, neighbours)).toEqual([plaintextOf('one')])
  }

  const changed = await send('PATCH', tenant, { keyCacheTtlSeconds: 2 })
  expect(changed).toMatchObject({
    status: 200,
    body: {
      tenantId: tenant.tenantId,
      keyCacheTtlSeconds: 2,
      effective: { keyCacheTtlSeconds: 2 },
      limits: { keyCacheTtlSeconds: { min: 2, max: 300 } },
    },
  })
  expect((await send('GET', tenant)).body).toEqual(changed.body)
  first.kms.regions.takeDown('eu-west-1', 'refused')
  for (const { url } of [first, second])
    await expect.poll(() => outcome(url, tenant, tokens), { timeout: 5_000 }).toBe('ERR_KMS_UNREACHABLE')
  for (const { url } of [first, second])
    expect(await decryptAll(url, neighbour, neighbours)).toEqual([plaintextOf('one')])
  first.kms.regions.bringBack('eu-west-1')
  for (const { url } of [first, second])
    await expect.poll(() => outcome(url, tenant, tokens), { timeout: 10_000 }).toBe('open')
})

test('it is refused outside of what the operator allows, and nothing changes', async () => {
  const tenant = await first.createTenant()
  for (const keyCacheTtlSeconds of [301, 1, 0, 3_600]) {
    const { status, body } = await send('PATCH', tenant, { keyCacheTtlSeconds })
    expect([status, errorCode(body)]).toEqual([400, 'ERR_KEY_CACHE_TTL_INVALID'])
  }
  for (const bad of [
    {},
    { keyCacheTtlSeconds: '5' },
    { keyCacheTtlSeconds: 2.5 },
    { keyCacheTtlSeconds: 5, ttl: 5 },
  ])
    expect((await send('PATCH', tenant, bad)).status).toBe(400)
  const { body } = await send('GET', tenant)
  expect([at(body, 'keyCacheTtlSeconds'), at(body, 'effective', 'keyCacheTtlSeconds')]).toEqual([null, 300])
})

slowTest('each change is in the audit trail', async () => {
  const tenant = await first.createTenant()
  await send('PATCH', tenant, { keyCacheTtlSeconds: 30 })
  await send('PATCH', tenant, { keyCacheTtlSeconds: null })
  const rows = await first.query(
    `select details from keyhold.audits where chain = $1 and action = 'tenant.change-settings' order by sequence`,
    [tenant.tenantId],
  )
  expect(rows.map((row: { details?: unknown }) => row.details)).toMatchObject([
    { keyCacheTtlSeconds: '30' },
    { keyCacheTtlSeconds: 'default' },
  ])
})
