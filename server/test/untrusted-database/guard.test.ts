// Somebody writes to the database, with SQL and nothing else, to lift the kill switch or to have keys held for longer.
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Server } from '../../src/main.ts'
import { call, decryptAll, encryptUnder, plaintextOf } from '../../../testkit/src/http/api.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const boundMs = 5_000
const lockPath = '/api/v1/encryption/actions/lock'
const unlockPath = '/api/v1/encryption/actions/unlock'
const settingsPath = '/api/v1/encryption/settings'

let first: TestServer
let second: Server
beforeAll(async () => {
  // So long that only a lock or a fault can end what is held.
  first = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '3600' })
  second = await startSecondReplica(first, { KEYHOLD_KEY_CACHE_TTL_SECONDS: '3600' })
})
afterAll(async () => {
  await second.stop()
  await first.stop()
})

interface Used {
  tenant: TestTenant
  tokens: string[]
}

/** A tenant whose keys both replicas hold. */
async function tenantInUse(): Promise<Used> {
  const tenant = await first.createTenant()
  const tokens = await encryptUnder(first.url, tenant, ['one'])
  for (const { url } of [first, second])
    expect(await decryptAll(url, tenant, tokens)).toEqual([plaintextOf('one')])
  return { tenant, tokens }
}

/** The plaintext, or why there is none. */
const outcome = ({ url }: { url: string }, { tenant, tokens }: Used): Promise<string> =>
  decryptAll(url, tenant, tokens).then(
    ([plaintext]) => plaintext ?? '',
    (error: unknown) => /got (\d+): .*?(ERR_\w+)/.exec(String(error))?.slice(1).join(' ') ?? String(error),
  )
const isLocked = '423 ERR_TENANT_LOCKED'
const isFaulty = '503 ERR_RECORD_NOT_AUTHENTIC'

async function expectClosed(used: Used, how: string): Promise<void> {
  for (const replica of [first, second])
    await expect.poll(() => outcome(replica, used), { timeout: boundMs }).toBe(how)
  for (const replica of [first, second]) expect(await outcome(replica, used)).toBe(how)
}

async function lock({ tenant }: Used): Promise<void> {
  expect((await call(first.url, tenant.adminToken, 'POST', lockPath)).status).toBe(200)
}

const columns =
  'incarnation, generation, locked_at, locked_by, key_cache_ttl_seconds, api_key_generation, mac'
const guardOf = async ({ tenant }: Used) => {
  const [row] = await first.query(`select ${columns} from keyhold.tenant_guards where tenant_id = $1`, [
    tenant.tenantId,
  ])
  return Object.values(row ?? {})
}
const putGuard = ({ tenant }: Used, values: unknown[]) =>
  first.query(
    `update keyhold.tenant_guards set (${columns}) = row($2::uuid, $3::bigint, $4::timestamptz, $5::text, $6::integer, $7::bigint, $8::bytea)
    where tenant_id = $1`,
    [tenant.tenantId, ...values],
  )
const deleteNote = ({ tenant }: Used) =>
  first.query('delete from keyhold.tenant_locks where tenant_id = $1', [tenant.tenantId])
const changeGuard = ({ tenant }: Used, change: string) =>
  first.query(`update keyhold.tenant_guards set ${change} where tenant_id = $1`, [tenant.tenantId])

test('without the row that notes it, a lock holds, also after a restart', async () => {
  const used = await tenantInUse()
  await lock(used)
  await deleteNote(used)
  await expectClosed(used, isLocked)
  await first.restart()
  expect(await outcome(first, used)).toBe(isLocked)
  expect((await call(first.url, used.tenant.adminToken, 'POST', unlockPath)).status).toBe(200)
  for (const replica of [first, second])
    await expect.poll(() => outcome(replica, used), { timeout: boundMs }).toBe(plaintextOf('one'))
})

test.each<[string, string]>([
  ['no time', 'locked_at = null, locked_by = null'],
  ['no time, and an older generation', 'locked_at = null, locked_by = null, generation = 0'],
  ['no MAC', 'locked_at = null, locked_by = null, mac = null'],
  ['a time that is none', `locked_at = 'infinity'`],
])('a lock that is cleared in the guard, with %s, closes the tenant all the same', async (_name, change) => {
  const used = await tenantInUse()
  await lock(used)
  await deleteNote(used)
  await changeGuard(used, change)
  await expectClosed(used, isFaulty)
  await first.restart()
  expect(await outcome(first, used)).toBe(isFaulty)
})

test('a tenant without a guard is closed: what is held ends, and nobody unlocks it', async () => {
  const used = await tenantInUse()
  await first.query('delete from keyhold.tenant_guards where tenant_id = $1', [used.tenant.tenantId])
  await expectClosed(used, isFaulty)
  const unlocked = await call(first.url, used.tenant.adminToken, 'POST', unlockPath)
  expect(unlocked.status).toBe(503)
})

slowTest(
  'the guard of another tenant opens nothing, and closes neither that one nor its neighbours',
  async () => {
    const [used, neighbour] = [await tenantInUse(), await tenantInUse()]
    await lock(used)
    await deleteNote(used)
    await putGuard(used, await guardOf(neighbour))
    await expectClosed(used, isFaulty)
    for (const replica of [first, second]) expect(await outcome(replica, neighbour)).toBe(plaintextOf('one'))
  },
)

test('an older guard is refused by every replica that has seen the lock', async () => {
  const used = await tenantInUse()
  const before = await guardOf(used)
  await lock(used)
  await expectClosed(used, isLocked)
  await deleteNote(used)
  await putGuard(used, before)
  await expectClosed(used, isFaulty)
  // By what it has kept outside of the database, also after a restart.
  await first.restart()
  expect(await outcome(first, used)).toBe(isFaulty)
  // Named in the threat model: a replica without a memory takes the older row for the newest.
  await first.restart(() => rm(path.join(first.dataDir, 'state', 'generations.log')))
  expect(await outcome(first, used)).toBe(plaintextOf('one'))
  expect(await outcome(second, used)).toBe(isFaulty)
})

test('a TTL that is raised or taken away closes the tenant, and what is held ends', async () => {
  for (const change of ['key_cache_ttl_seconds = 3000', 'key_cache_ttl_seconds = null']) {
    const used = await tenantInUse()
    const chosen = { keyCacheTtlSeconds: 10 }
    expect((await call(first.url, used.tenant.adminToken, 'PATCH', settingsPath, chosen)).status).toBe(200)
    for (const replica of [first, second]) expect(await outcome(replica, used)).toBe(plaintextOf('one'))
    await changeGuard(used, change)
    await first.query('update keyhold.tenants set key_cache_ttl_seconds = null where id = $1', [
      used.tenant.tenantId,
    ])
    await expectClosed(used, isFaulty)
  }
})

slowTest('how long keys are held is not what stands beside the guard', async () => {
  const used = await tenantInUse()
  const { adminToken, tenantId } = used.tenant
  expect((await call(first.url, adminToken, 'PATCH', settingsPath, { keyCacheTtlSeconds: 10 })).status).toBe(
    200,
  )
  await first.query('update keyhold.tenants set key_cache_ttl_seconds = null where id = $1', [tenantId])
  expect((await call(first.url, adminToken, 'GET', settingsPath)).body).toMatchObject({
    keyCacheTtlSeconds: 10,
  })
})
