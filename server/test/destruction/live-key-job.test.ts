// The deletion of a tenant ends its live key job, wherever a replica is in it. Nothing that the replica still does comes
// back.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteTenant } from '../../src/destruction/delete-tenant.ts'
import { runDueDestructions } from '../../src/destruction/run-due-destructions.ts'
import { scheduleTenantDestruction } from '../../src/destruction/schedule-destruction.ts'
import type { FailpointName } from '../../src/migration/engine/failpoint.ts'
import { runMigration } from '../../src/migration/engine/run-migration.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { systemActor } from '../../src/store/audits.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { findAuditFaults } from '../audit/find-audit-faults.ts'
import { runEachNow } from '../event-loop/run-each-now.ts'
import { fingerprintOf, TenantUnderTest } from '../model/tenant-under-test.ts'
import { setDue } from '../../../testkit/src/database/set-due.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(async () => {
  expect(await findAuditFaults((statement) => stores.query(statement))).toEqual([])
  await postgres.stop()
})

async function openTenant(keyNames = ['one', 'two', 'three']): Promise<TenantUnderTest> {
  const tenant = new TenantUnderTest(stores.db, stores.store, { ttlMs: 60_000, backupRetentionDays: 0 })
  await tenant.create()
  await tenant.register('a')
  await Promise.all(keyNames.map((name) => tenant.encrypt(name, name)))
  await startMigration(
    tenant.replica.start,
    tenant.tenantId,
    fingerprintOf('a', tenant.tenantId),
    systemActor,
  )
  return tenant
}

/** Deletes the tenant, which is due, on another replica; answers the ids of what could not be destroyed. */
async function deleteNow({ tenantId }: TenantUnderTest): Promise<unknown[]> {
  const { otherStore: store } = stores
  const { id } = await scheduleTenantDestruction(store, tenantId, { inDays: 7 }, systemActor)
  await setDue(store, id)
  const failures: unknown[] = []
  await runDueDestructions(
    {
      store,
      openTenantKey: () => Promise.resolve(undefined),
      holdSigner: () => Promise.resolve(() => 'signed'),
      signal: new AbortController().signal,
      onShredded: () => undefined,
      onDestroyed: () => undefined,
    },
    runEachNow(failures),
  )
  const { destroyedAt } = (await store.destructions.find(id)) ?? {}
  return destroyedAt === undefined ? [...failures, 'not destroyed'] : failures
}

async function rowsOf({ tenantId }: TenantUnderTest): Promise<unknown[]> {
  const tables = ['tenants', 'tenant_keys', 'cipherkeys', 'key_jobs', 'key_providers']
  const rows = await Promise.all(
    tables.map((table) =>
      stores.query(
        `select '${table}' as found from keyhold.${table} where ${table === 'tenants' ? 'id' : 'tenant_id'} = $1`,
        [tenantId],
      ),
    ),
  )
  return rows.flat()
}

test.each<FailpointName>([
  'migration.prepare.after-kms',
  'migration.dual.before-lock',
  'migration.copy.before-chunk',
  'migration.copy.before-update',
  'migration.verify.before-chunk',
  'migration.cutover.before-lock',
])('a replica at %s finds that it leads no more', async (name) => {
  const tenant = await openTenant()
  const reached = Promise.withResolvers<undefined>()
  const released = Promise.withResolvers<undefined>()
  const replica = tenant.createReplica({
    failpoint: async (at) => {
      if (at !== name) return
      reached.resolve(undefined)
      await released.promise
    },
  })
  const { id = '' } = (await tenant.findLiveJob()) ?? {}
  const pauses: unknown[] = []
  const options = {
    signal: new AbortController().signal,
    onPause: (_: unknown, error: unknown) => pauses.push(error),
  }
  const running = runMigration(replica.migration, id, options)
  await reached.promise
  expect(await deleteNow(tenant)).toEqual([])
  released.resolve(undefined)
  expect(await running).toBe(false)
  expect(pauses).toEqual([])
  expect(await rowsOf(tenant)).toEqual([])
})

slowTest('a key job that waits for a dead KEK, with rows set aside, goes with its tenant', async () => {
  const tenant = await openTenant()
  await tenant.killAt({ name: 'migration.copy.after-commit', hit: 1 }, () => tenant.letJobsRun())
  tenant.kms.close('root', 'ERR_KMS_KEY_NOT_FOUND')
  await tenant.letJobsRun()
  expect(await tenant.findLiveJob()).toMatchObject({ phase: 'verify' })
  expect(await deleteNow(tenant)).toEqual([])
  expect(await rowsOf(tenant)).toEqual([])
})

slowTest(
  'a tenant that has encrypted nothing is deleted at once, whatever its key job waits for',
  async () => {
    const tenant = await openTenant([])
    tenant.kms.close('a', 'ERR_KMS_KEY_NOT_FOUND')
    await tenant.letJobsRun()
    expect(await tenant.findLiveJob()).toMatchObject({ phase: 'prepare' })
    await deleteTenant(stores.otherStore, tenant.tenantId, systemActor)
    expect(await rowsOf(tenant)).toEqual([])
  },
)
