// A migration whose replicas die, one after the other, at the same point: each step is recorded once, in its order.
import { doseOf } from '../../../testkit/src/statistics/dose-of.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cancelMigration } from '../../src/migration/cancel-migration.ts'
import { failpointNames, type FailpointName } from '../../src/migration/engine/failpoint.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { systemActor } from '../../src/store/audits.ts'
import { fingerprintOf, TenantUnderTest } from '../model/tenant-under-test.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { findAuditFaults, findBrokenRecord } from './find-audit-faults.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())

async function prepare(): Promise<TenantUnderTest> {
  const settings = { ttlMs: 60_000, backupRetentionDays: 0 }
  const tenant = await new TenantUnderTest(stores.db, stores.store, settings).create()
  await tenant.register('a')
  for (const keyName of ['one', 'two', 'three', 'four', 'five']) await tenant.encrypt(keyName, keyName)
  return tenant
}

const start = ({ replica, tenantId }: TenantUnderTest) =>
  startMigration(replica.start, tenantId, fingerprintOf('a', tenantId), systemActor)

async function cancel({ replica, store, tenantId }: TenantUnderTest) {
  const [last] = await store.keyJobs.list(tenantId, 1)
  return cancelMigration(replica.start, tenantId, last?.id ?? '', systemActor)
}

/** Two replicas die at that point, if `work` comes there; a third one does it all. */
async function dieTwice(tenant: TenantUnderTest, name: FailpointName, work: () => Promise<unknown>) {
  let deaths = 0
  for (let round = 0; round < 2; round++) {
    const isDead = await tenant.killAt({ name, hit: 1 }, async () => {
      await work()
    })
    if (isDead) deaths += 1
  }
  return deaths
}

async function recorded({ store, tenantId }: TenantUnderTest): Promise<string[]> {
  expect(await findBrokenRecord(store, tenantId)).toBeUndefined()
  expect(await findAuditFaults((statement) => stores.query(statement))).toEqual([])
  const rows = await store.audits.list(tenantId, { after: 0, limit: 100 })
  return rows.map(({ action }) => action)
}

const there = [
  'keyprovider.create',
  'migration.start',
  'migration.prepare',
  'migration.dual',
  'migration.cutover',
  'tenantkey.destroy',
]
const back = [
  'keyprovider.create',
  'migration.start',
  'migration.prepare',
  'migration.dual',
  'migration.cancel',
  'migration.abort',
  'tenantkey.destroy',
]

const namesOf = (...phases: string[]) =>
  failpointNames.filter((name) => phases.includes(name.split('.')[1] ?? ''))

describe('on the way there', () => {
  test.each(namesOf('start'))('%s', async (name) => {
    const tenant = await prepare()
    // Once it is committed the second one is refused, as the tenant has a migration.
    const deaths = await dieTwice(tenant, name, () => start(tenant).catch(refusedOnly))
    expect(deaths).toBeGreaterThan(0)
    if ((await tenant.findLiveJob()) === undefined) await start(tenant)

    await tenant.letJobsRun()

    expect(await recorded(tenant)).toEqual(there)
  })

  test.each(doseOf(namesOf('prepare', 'dual', 'copy', 'verify', 'cutover'), 8))('%s', async (name) => {
    const tenant = await prepare()
    await start(tenant)
    expect(await dieTwice(tenant, name, () => tenant.letJobsRun())).toBeGreaterThan(0)

    await tenant.letJobsRun()

    expect(await recorded(tenant)).toEqual(there)
  })
})

describe('on the way back', () => {
  test.each(doseOf(namesOf('cancel', 'abort', 'copy', 'verify'), 8))('%s', async (name) => {
    const tenant = await prepare()
    await start(tenant)
    // Stopped in the middle of the way there.
    await tenant.killAt({ name: 'migration.copy.after-commit', hit: 1 }, () => tenant.letJobsRun())
    const isOfCancelling = name.startsWith('migration.cancel')
    const deaths = isOfCancelling ? await dieTwice(tenant, name, () => cancel(tenant)) : 0
    await cancel(tenant)
    const more = isOfCancelling ? 0 : await dieTwice(tenant, name, () => tenant.letJobsRun())

    await tenant.letJobsRun()

    expect(await recorded(tenant)).toEqual(back)
    // Of a way back the end of the copying, and of the verification, are one step with what follows.
    if (!/end$|verify\.(before|after)-commit/.test(name)) expect(deaths + more).toBeGreaterThan(0)
  })
})

function refusedOnly(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MIGRATION_RUNNING')) throw error
}
