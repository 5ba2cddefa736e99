// Rotating a tenant key: a new version under the same KEK, by request or by age.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KeyJob } from '@keyhold/contract'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { decryptAll, startMigration } from '../../../testkit/src/http/api.ts'
import {
  act,
  asAdmin,
  codeOf,
  getKeyJob,
  isIn,
  migrate,
  migrations,
  providers,
  tenantKeys,
  waitForKeyJob,
} from '../../../testkit/src/http/key-jobs.ts'
import { plaintexts, prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { changeSigned } from '../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const details = `${providers}/migration/actions/details`

let server: TestServer
let slow: TestServer
const hold = holdAt('migration.copy.after-commit')
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
  slow = await startTestServer({}, { hold })
})
afterAll(async () => {
  await server.stop()
  await slow.stop()
})

function rotate(on: TestServer, tenant: TestTenant) {
  return asAdmin(on, tenant)('POST', '/api/v1/encryption/tenant-key/actions/rotate')
}

async function versionsInUse({ tenantId }: TestTenant) {
  const text = `select distinct tenant_key_version as version from keyhold.cipherkeys where tenant_id = $1 order by 1`
  return (await server.query(text, [tenantId])).map(({ version }) => version)
}

test('a rotation brings all cipherkeys under a new version of the same KEK, and is no migration', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(server)
  const migration = await migrate(server, tenant, fingerprint)
  const shown = await asAdmin(server, tenant)('GET', details)
  const started = await rotate(server, tenant)
  expect(started).toMatchObject({
    status: 200,
    body: { kind: 'rotation', source: { fingerprint, tenantKeyVersion: 2 }, target: { fingerprint } },
  })
  const { id } = started.body as KeyJob
  const done = await waitForKeyJob(server, tenant, id, isIn('done'))
  expect(done).toMatchObject({ target: { tenantKeyVersion: 3 }, cipherkeys: { total: 3, copied: 3 } })
  expect(await versionsInUse(tenant)).toEqual([3])
  expect(await tenantKeys(server, tenant)).toMatchObject([
    { version: 1, state: 'destroyed', fingerprint: tenant.tenantId },
    { version: 2, state: 'destroyed', fingerprint },
    { version: 3, state: 'active', fingerprint },
  ])
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  expect(await asAdmin(server, tenant)('GET', details)).toEqual(shown)
  const { body } = await asAdmin(server, tenant)('GET', migrations)
  expect((body as { migrations: KeyJob[] }).migrations.map(({ kind, ...job }) => [kind, job.id])).toEqual([
    ['rotation', id],
    ['migration', migration.id],
  ])
})

slowTest(
  'a rotation goes on where the own region is down, by the replica; a migration to such a key is refused',
  async () => {
    const { tenant, tokens, fingerprint } = await prepareTenant(server)
    await migrate(server, tenant, fingerprint)
    const other = await prepareTenant(server)
    server.kms.regions.takeDown('eu-west-1', 'refused')
    try {
      const { id } = (await rotate(server, tenant)).body as KeyJob
      await waitForKeyJob(server, tenant, id, isIn('done'))
      expect(await tenantKeys(server, tenant)).toMatchObject([
        ...[{ version: 1 }, { version: 2, state: 'destroyed' }],
        { version: 3, state: 'active', fingerprint },
      ])
      const path = `${providers}/${other.fingerprint}/actions/migrate`
      expect(codeOf(await asAdmin(server, other.tenant)('POST', path))).toBe('ERR_MIGRATION_NOT_PREPARED')
    } finally {
      server.kms.regions.bringBack('eu-west-1')
    }
    expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  },
)

slowTest('the history goes on where a page ended', async () => {
  const { tenant, fingerprint } = await prepareTenant(server)
  const first = await migrate(server, tenant, fingerprint)
  const second = await migrate(server, tenant, tenant.tenantId)
  const admin = asAdmin(server, tenant)
  expect(await admin('GET', `${migrations}?limit=1`)).toMatchObject({
    body: { migrations: [{ id: second.id }], next: second.id },
  })
  const rest = await admin('GET', `${migrations}?limit=1&before=${second.id}`)
  expect(rest.body).toEqual({ migrations: [first] })
  expect(await admin('GET', `${migrations}?limit=101`)).toMatchObject({ status: 400 })
  expect(await admin('GET', `${migrations}?before=x`)).toMatchObject({ status: 400 })
})

test('a rotation holds up another one, and gives way to a migration', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(slow)
  const { id } = (await rotate(slow, tenant)).body as KeyJob
  await waitForKeyJob(slow, tenant, id, ({ cipherkeys }) => cipherkeys.copied === 3)
  const second = await rotate(slow, tenant)
  expect([second.status, codeOf(second)]).toEqual([428, 'ERR_MIGRATION_RUNNING'])
  expect(await asAdmin(slow, tenant)('GET', details)).toMatchObject({ status: 404 })

  const migration = await startMigration(slow.url, tenant, fingerprint)
  expect(await getKeyJob(slow, tenant, id)).toMatchObject({ kind: 'rotation', phase: 'aborted' })
  hold.release()
  await waitForKeyJob(slow, tenant, migration, isIn('done'))
  expect(await decryptAll(slow.url, tenant, tokens)).toEqual(plaintexts)
  const states = (await tenantKeys(slow, tenant)).map(({ state }) => state)
  expect(states).toEqual(['destroyed', 'destroyed', 'active'])
  const cancelled = await act(slow, tenant, id, 'cancel')
  expect(cancelled).toMatchObject({ status: 200, body: { phase: 'aborted' } })
})

test('a tenant key that has come of age is rotated without being asked for', async () => {
  const { tenant, tokens } = await prepareTenant(server)
  await changeSigned(
    server.databaseConnection(),
    `update keyhold.tenant_keys set created_at = created_at - interval '366 days' where tenant_id = '${tenant.tenantId}'`,
  )
  // The first look after a start does not wait for the next minute.
  await server.restart()
  await expect
    .poll(async () => (await tenantKeys(server, tenant)).map(({ state }) => state), { timeout: 30_000 })
    .toEqual(['destroyed', 'active'])
  const { body } = await asAdmin(server, tenant)('GET', migrations)
  expect(body).toMatchObject({ migrations: [{ kind: 'rotation', phase: 'done' }] })
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
})
