// Whole tables are counted seldom for metrics, by one replica, and the others take its counts.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readMetricCounts } from '../../src/wiring/listeners/read-metric-counts.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { alone } from '../../../testkit/src/database/alone.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
})

let tenants = 0
const addTenant = () => {
  const id = `tenant-${++tenants}`
  return alone(stores.store, id).tenants.insert({ id, name: 'x', activeTenantKeyVersion: 1 })
}
const unlocked = async (minMs: number, timesTook: number, store = stores.store) =>
  (await readMetricCounts(store, { minMs, timesTook })).tenants.unlocked
const hour = 3_600_000

test('what one replica has counted the others show, until it is old', async () => {
  await addTenant()
  expect(await unlocked(hour, 0)).toBe(1)
  await addTenant()
  expect(await unlocked(hour, 0)).toBe(1)
  expect(await unlocked(hour, 0, stores.otherStore)).toBe(1)
  await stores.query(`update keyhold.metric_counts set counted_at = now() - interval '59 minutes'`)
  expect(await unlocked(hour, 0)).toBe(1)
  await stores.query(`update keyhold.metric_counts set counted_at = now() - interval '61 minutes'`)
  expect(await unlocked(hour, 0, stores.otherStore)).toBe(2)
})

test('counting that took long is not done again for many times as long', async () => {
  await addTenant()
  expect(await unlocked(0, 100)).toBe(1)
  await addTenant()
  await stores.query(
    `update keyhold.metric_counts set took_ms = 1000, counted_at = now() - interval '99 seconds'`,
  )
  expect(await unlocked(0, 100)).toBe(1)
  expect(await unlocked(0, 98)).toBe(2)
})

test('while one replica counts, another one waits for nothing', async () => {
  await addTenant()
  expect(await unlocked(0, 0)).toBe(1)
  await addTenant()
  await stores.store.transaction(async ({ handle }) => {
    await handle.selectFrom('metric_counts').selectAll().forUpdate().execute()
    expect(await unlocked(0, 0, stores.otherStore)).toBe(1)
  })
  expect(await unlocked(0, 0, stores.otherStore)).toBe(2)
})

test('live key jobs are those of now', async () => {
  await addTenant()
  const phases = async () => (await readMetricCounts(stores.store, { minMs: hour, timesTook: 0 })).keyJobs
  expect(await phases()).toEqual([])
  await stores.query(
    `insert into keyhold.key_jobs (id, tenant_id, kind, phase, source_fingerprint, source_key_arn, source_version,
      target_fingerprint, target_key_arn)
     values (gen_random_uuid(), $1, 'migration', 'copy', 'f', 'a', 1, 'g', 'b')`,
    [`tenant-${tenants}`],
  )
  expect(await phases()).toEqual([{ kind: 'migration', phase: 'copy', jobs: 1 }])
})
