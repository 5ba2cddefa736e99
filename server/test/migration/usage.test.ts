// The usage of a KEK is true in every phase, and says since when nothing depends on it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KeyProviderUsage } from '@keyhold/contract'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { registerKey, startMigration } from '../../../testkit/src/http/api.ts'
import {
  asAdmin,
  codeOf,
  isIn,
  migrate,
  providers,
  waitForKeyJob,
} from '../../../testkit/src/http/key-jobs.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { changeSigned } from '../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let keeping: TestServer
const hold = holdAt('migration.copy.before-chunk')
beforeAll(async () => {
  server = await startTestServer({}, { hold })
  keeping = await startTestServer({ KEYHOLD_BACKUP_RETENTION_DAYS: '30' })
})
afterAll(async () => {
  await server.stop()
  await keeping.stop()
})

async function usageOf(on: TestServer, tenant: TestTenant, fingerprint: string): Promise<KeyProviderUsage> {
  const { status, body } = await asAdmin(on, tenant)('GET', `${providers}/${fingerprint}/usage`)
  expect(status).toBe(200)
  return body as KeyProviderUsage
}

const codes = ({ blockers }: KeyProviderUsage) => blockers.map(({ code }) => code)

test('both ends are in use while a migration runs; afterwards the old one is safe, since then', async () => {
  const { tenant, arn, fingerprint } = await prepareTenant(server)
  expect(await usageOf(server, tenant, fingerprint)).toMatchObject({
    arn,
    current: false,
    safeToDelete: true,
    tenantKeys: [],
  })
  expect(codes(await usageOf(server, tenant, tenant.tenantId))).toEqual(['root-key', 'current', 'cipherkeys'])

  const id = await startMigration(server.url, tenant, fingerprint)
  await waitForKeyJob(server, tenant, id, isIn('copy'))
  const [source, target] = [
    await usageOf(server, tenant, tenant.tenantId),
    await usageOf(server, tenant, fingerprint),
  ]
  expect(codes(source)).toEqual(['root-key', 'current', 'migration', 'cipherkeys'])
  expect(source.tenantKeys).toMatchObject([{ version: 1, state: 'decrypt-only', cipherkeys: 3 }])
  expect(target).toMatchObject({
    safeToDelete: false,
    migrations: [{ id, kind: 'migration', phase: 'copy' }],
    tenantKeys: [{ version: 2, state: 'active', cipherkeys: 0 }],
  })
  expect(codes(target)).toEqual(['migration', 'tenant-key'])
  expect(await asAdmin(server, tenant)('DELETE', `${providers}/${fingerprint}`)).toMatchObject({
    status: 424,
  })

  hold.release()
  await waitForKeyJob(server, tenant, id, isIn('done'))
  expect(codes(await usageOf(server, tenant, fingerprint))).toEqual(['current', 'cipherkeys'])
  const back = await migrate(server, tenant, tenant.tenantId)
  const after = await usageOf(server, tenant, fingerprint)
  expect(after).toMatchObject({ safeToDelete: true, blockers: [], tenantKeys: [], migrations: [] })
  const sinceMs = Date.parse(after.safeSince ?? '') - Date.parse(back.completedAt ?? '')
  expect(Math.abs(sinceMs)).toBeLessThan(1_000)
})

slowTest(
  'the backup retention stands in the way of deleting the key, not of deleting its entry',
  async () => {
    const { tenant, fingerprint } = await prepareTenant(keeping)
    await migrate(keeping, tenant, fingerprint)
    await migrate(keeping, tenant, tenant.tenantId)
    const kept = await usageOf(keeping, tenant, fingerprint)
    expect(kept).toMatchObject({
      safeToDelete: false,
      tenantKeys: [{ version: 2, state: 'decrypt-only', cipherkeys: 0 }],
      blockers: [{ code: 'backup-retention', until: kept.tenantKeys[0]?.destroyAfter }],
    })
    const days = (Date.parse(kept.blockers[0]?.until ?? '') - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(29.9)

    await changeSigned(
      keeping.databaseConnection(),
      `update keyhold.tenant_keys set destroy_after = now() where tenant_id = '${tenant.tenantId}' and version = 2`,
    )
    const dueMs = Date.now()
    await expect
      .poll(async () => (await usageOf(keeping, tenant, fingerprint)).safeToDelete, { timeout: 15_000 })
      .toBe(true)
    const { safeSince = '' } = await usageOf(keeping, tenant, fingerprint)
    expect(Date.parse(safeSince)).toBeGreaterThan(dueMs - 1_000)

    await migrate(keeping, tenant, fingerprint)
    await migrate(keeping, tenant, tenant.tenantId)
    expect(codes(await usageOf(keeping, tenant, fingerprint))).toEqual(['backup-retention'])
    const removed = await asAdmin(keeping, tenant)('DELETE', `${providers}/${fingerprint}`)
    expect(removed).toMatchObject({ status: 200 })
  },
)

slowTest(
  'an active version is in the way without a cipherkey, and the root key serves other tenants',
  async () => {
    const tenant = await server.createTenant()
    const usage = await usageOf(server, tenant, tenant.tenantId)
    expect(usage).toMatchObject({
      shared: true,
      tenantKeys: [{ version: 1, state: 'active', cipherkeys: 0 }],
    })
    expect(codes(usage)).toEqual(['root-key', 'current', 'tenant-key'])
  },
)

test('a key that another tenant registers or uses is shared and not safe to delete, and nobody is named', async () => {
  const [mine, other] = [await keeping.createTenant(), await keeping.createTenant()]
  const arn = await keeping.createCustomerKey()
  const fingerprint = await registerKey(keeping.url, mine, arn)
  const usage = () => usageOf(keeping, mine, fingerprint)
  expect(await usage()).toMatchObject({ shared: false, safeToDelete: true, blockers: [] })

  await registerKey(keeping.url, other, arn)
  expect(await usage()).toMatchObject({ shared: true, safeToDelete: false, blockers: [{ code: 'shared' }] })
  expect(JSON.stringify(await usage())).not.toContain(other.tenantId)

  // The entry goes; a version that the key wraps is kept for the sake of backups.
  await migrate(keeping, other, fingerprint)
  await migrate(keeping, other, other.tenantId)
  await asAdmin(keeping, other)('DELETE', `${providers}/${fingerprint}`)
  expect(await usage()).toMatchObject({ shared: true, safeToDelete: false })
  const end = `update keyhold.tenant_keys set destroy_after = now() where key_arn = '${arn}'`
  await changeSigned(keeping.databaseConnection(), end)
  await keeping.sweep()
  expect(await usage()).toMatchObject({ shared: false, safeToDelete: true })
})

test('an unknown key provider is not found', async () => {
  const tenant = await server.createTenant()
  const answer = await asAdmin(server, tenant)('GET', `${providers}/${'0'.repeat(32)}/usage`)
  expect([answer.status, codeOf(answer)]).toEqual([404, 'ERR_KEY_PROVIDER_NOT_FOUND'])
})
