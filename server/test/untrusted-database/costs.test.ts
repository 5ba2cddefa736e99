// How much it costs not to trust the database, as counts, which no busy machine changes: statements, and MACs that are computed.
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { startMigration } from '../../src/migration/start-migration.ts'
import { systemActor } from '../../src/store/audits.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { fingerprintOf, TenantUnderTest } from '../model/tenant-under-test.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())
afterEach(() => vi.restoreAllMocks())

const ttlMs = 60_000
// As the replicas of these tests have it.
const rowsOfChunk = 2

const newTenant = () =>
  new TenantUnderTest(stores.db, stores.store, { ttlMs, backupRetentionDays: 30 }).create()

interface Costs {
  statements: number
  macs: number
}

/** Of `work`, over all connections of this process. */
async function costsOf(work: () => Promise<unknown>): Promise<Costs> {
  const { macs } = stores.store
  const before = macs.count()
  const statements = vi.spyOn(pg.Client.prototype, 'query')
  await work()
  const costs = { statements: statements.mock.calls.length, macs: macs.count() - before }
  statements.mockRestore()
  return costs
}

test('to encrypt and to decrypt with keys in memory costs no statement and no MAC', async () => {
  const tenant = await newTenant()
  const token = await tenant.encrypt('name', 'value')
  expect(await costsOf(() => tenant.encrypt('name', 'value'))).toEqual({ statements: 0, macs: 0 })
  expect(await costsOf(() => tenant.decrypt(token))).toEqual({ statements: 0, macs: 0 })
})

test('to encrypt and to decrypt without keys in memory costs at most six MACs', async () => {
  const tenant = await newTenant()
  const token = await tenant.encrypt('name', 'value')
  for (const work of [() => tenant.encrypt('name', 'value'), () => tenant.decrypt(token)]) {
    tenant.restart()
    const { macs, statements } = await costsOf(work)
    expect(macs).toBeGreaterThan(0)
    expect(macs).toBeLessThanOrEqual(6)
    expect(statements).toBeGreaterThan(0)
  }
})

/** The MACs of a whole migration of so many cipherkeys. */
async function macsOfMigration(cipherkeys: number): Promise<number> {
  const tenant = await newTenant()
  await tenant.register('a')
  for (let each = 0; each < cipherkeys; each++) await tenant.encrypt(`name-${each}`, 'value')
  const { tenantId, replica } = tenant
  await startMigration(replica.start, tenantId, fingerprintOf('a', tenantId), systemActor)
  const { macs } = await costsOf(() => tenant.letJobsRun())
  expect(await tenant.findLiveJob()).toBeUndefined()
  return macs
}

test('a chunk of a migration costs at most two MACs', async () => {
  const [few, many] = [2, 12]
  const more = (await macsOfMigration(many * rowsOfChunk)) - (await macsOfMigration(few * rowsOfChunk))
  const macsOfChunk = more / (many - few)
  expect(macsOfChunk).toBeGreaterThan(0)
  expect(macsOfChunk).toBeLessThanOrEqual(2)
})
