import { afterAll, beforeAll, expect, test } from 'vitest'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { decryptAll, isCompleted, startMigration, waitForMigration } from '../../../testkit/src/http/api.ts'
import { plaintexts, prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { changeSigned } from '../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let slow: TestServer
const hold = holdAt('migration.copy.before-chunk', 3)
beforeAll(async () => {
  // The second migration on it begins to copy only after a sweep.
  slow = await startTestServer({ KEYHOLD_BACKUP_RETENTION_DAYS: '30' }, { hold })
  server = await startTestServer({ KEYHOLD_BACKUP_RETENTION_DAYS: '30', KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
})
afterAll(async () => {
  await server.stop()
  await slow.stop()
})

async function firstVersion({ tenantId }: TestTenant) {
  const [row] = await server.query(
    `select state, wrapped is null as empty, destroy_after > now() + interval '29 days' as later
     from keyhold.tenant_keys where tenant_id = $1 and version = 1`,
    [tenantId],
  )
  return row
}

async function makeDue({ tenantId }: TestTenant) {
  const end = `update keyhold.tenant_keys set destroy_after = now() where tenant_id = '${tenantId}' and version = 1`
  await changeSigned(server.databaseConnection(), end)
}

test('a retired tenant key is kept until the backup retention has passed, then destroyed', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(server)
  await startMigration(server.url, tenant, fingerprint)
  await waitForMigration(server.url, tenant, isCompleted)
  expect(await firstVersion(tenant)).toEqual({ state: 'decrypt-only', empty: false, later: true })

  await makeDue(tenant)
  await server.sweep()
  expect(await firstVersion(tenant)).toMatchObject({ state: 'destroyed', empty: true })
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
})

test('a tenant key that a cipherkey still needs is never destroyed', async () => {
  const { tenant, fingerprint } = await prepareTenant(server)
  await startMigration(server.url, tenant, fingerprint)
  await waitForMigration(server.url, tenant, isCompleted)
  // Nothing but a mistake in a program could do this, and then there is a guard; so it is done past the guard.
  await server.query('alter table keyhold.cipherkeys disable trigger user')
  const goBack = `update keyhold.cipherkeys set tenant_key_version = 1 where tenant_id = $1 and key_name = 'one'`
  await server.query(goBack, [tenant.tenantId])
  await server.query('alter table keyhold.cipherkeys enable trigger user')
  await makeDue(tenant)
  await server.sweep()
  expect(await firstVersion(tenant)).toMatchObject({ state: 'decrypt-only', empty: false })
})

slowTest('a version that falls due while a migration copies does not hold it up', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(slow)
  await startMigration(slow.url, tenant, fingerprint)
  await waitForMigration(slow.url, tenant, isCompleted)
  await startMigration(slow.url, tenant, tenant.tenantId)
  await waitForMigration(slow.url, tenant, ({ phase, state }) => phase === 'copy' && state === 'InProgress')
  const due = `update keyhold.tenant_keys set destroy_after = now() where tenant_id = '${tenant.tenantId}' and version = 1`
  await changeSigned(slow.databaseConnection(), due)
  await slow.sweep()
  hold.release()
  await waitForMigration(slow.url, tenant, isCompleted)
  expect(await decryptAll(slow.url, tenant, tokens)).toEqual(plaintexts)
})
