// Two replicas that are asked to migrate the same tenant at the same instant, and both try to lead what was started.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startMigration } from '../../src/migration/start-migration.ts'
import { runMigration } from '../../src/migration/engine/run-migration.ts'
import { systemActor } from '../../src/store/audits.ts'
import { findAuditFaults } from '../audit/find-audit-faults.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { checkRows, checkValues } from './check-tenant.ts'
import { prepare } from './commands.ts'
import { Model, type Kek } from './model.ts'
import { fingerprintOf, refusalOf, TenantUnderTest } from './tenant-under-test.ts'

// `npm run check:slow` runs more.
const races = process.env.SLOW === '1' ? 500 : 5
const testTimeoutMs = 60_000 + 500 * races
// One tenant goes to and fro so many times.
const racesOfTenant = 20

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

async function race(model: Model, tenant: TenantUnderTest, target: Kek): Promise<void> {
  const replicas = [stores.store, stores.otherStore].map((store) => tenant.createReplica({}, store))
  const fingerprint = fingerprintOf(target, tenant.tenantId)
  const refusals = await Promise.all(
    replicas.map(({ start }) => refusalOf(startMigration(start, tenant.tenantId, fingerprint, systemActor))),
  )
  expect(refusals.toSorted(), 'one started, one refused').toEqual(['ERR_MIGRATION_RUNNING', undefined])

  const live = await tenant.findLiveJob()
  const { signal } = new AbortController()
  const pauses: unknown[] = []
  const options = { signal, onPause: (_: unknown, error: unknown) => pauses.push(error) }
  await Promise.all(replicas.map(({ migration }) => runMigration(migration, live?.id ?? '', options)))
  expect(pauses).toEqual([])
  model.job = { kind: 'migration', source: model.current, target, phase: 'prepare' }
  model.reach('done')
}

test(
  `exactly one migration each, ${races} times`,
  async () => {
    let left = races
    while (left > 0) {
      const tenant = new TenantUnderTest(stores.db, stores.store, { ttlMs: 60_000, backupRetentionDays: 0 })
      await tenant.create()
      const model = new Model()
      await prepare(model, tenant, ['a', 'b'])
      const rounds = Math.min(left, racesOfTenant)
      for (let round = 0; round < rounds; round++) await race(model, tenant, round % 2 === 0 ? 'a' : 'b')
      const jobs = await tenant.store.keyJobs.list(tenant.tenantId, 1_000)
      expect(jobs.map(({ phase }) => phase)).toEqual(Array.from({ length: rounds }, () => 'done'))
      await checkValues(model, tenant, await checkRows(model, tenant))
      left -= rounds
    }
  },
  testTimeoutMs,
)
