// Whatever is done to a tenant in whatever order, it is where the model says that it is.
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { findAuditFaults } from '../audit/find-audit-faults.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { checkNoWedge } from './check-no-wedge.ts'
import { commands, prepare } from './commands.ts'
import { Model, type Kek } from './model.ts'
import { TenantUnderTest } from './tenant-under-test.ts'

// `npm run check:slow` runs more.
const numRuns = process.env.SLOW === '1' ? 1_000 : 5

const testTimeoutMs = 60_000 + 2_000 * numRuns

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())
// Of whatever was done, and of nothing else, there is one record.
afterEach(async () => {
  expect(await findAuditFaults((statement) => stores.query(statement))).toEqual([])
})

const settings = fc.record({
  ttlMs: fc.constantFrom(0, 60_000),
  backupRetentionDays: fc.constantFrom(0, 30),
})

const registered = fc.constantFrom<Kek[]>(['a', 'b'], ['a'])

test(
  'register, migrate, cancel, rotate, revoke, restore, crash, encrypt and decrypt as the model says',
  async () => {
    await fc.assert(
      fc.asyncProperty(settings, registered, commands, async (tenantSettings, keks, done) => {
        const tenant = await new TenantUnderTest(stores.db, stores.store, tenantSettings).create()
        const model = new Model()
        await prepare(model, tenant, keks)
        await fc.asyncModelRun(() => ({ model, real: tenant }), done)
        await checkNoWedge(model, tenant)
      }),
      { numRuns },
    )
  },
  testTimeoutMs,
)
