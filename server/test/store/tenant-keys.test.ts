// The life of tenant key versions: pending, active, decrypt-only, destroyed.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { activate, insertTenant, newKeyJob, tenantId, tenantKeyRow } from './stored-rows.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { resign } from '../../../testkit/src/database/resign.ts'

let postgres: TestPostgres
let database: TestStores
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
  ;({ store } = database)
  await insertTenant(store)
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
})

const secondsOfADay = 86_400

const timePasses = async (seconds: number) => {
  await database.query(
    `update keyhold.tenant_keys set destroy_after = destroy_after - make_interval(secs => ${seconds})`,
  )
  await resign(database.db)
}

const states = async () =>
  Promise.all([1, 2].map(async (version) => (await store.tenantKeys.find(tenantId, version))?.state))

test('a version that does not exist cannot change its state unnoticed', async () => {
  await expect(alone(store, tenantId).tenantKeys.setState(tenantId, 3, 'active')).rejects.toThrow()
})

test('without backup retention, retired versions are emptied at once and the active one stays', async () => {
  await activate(store, 2)
  await alone(store, tenantId).tenantKeys.retireOthers(tenantId, 2, [], 0)
  expect(await store.tenantKeys.find(tenantId, 1)).toMatchObject({ state: 'destroyed', wrapped: undefined })
  expect(await store.tenantKeys.find(tenantId, 2)).toMatchObject({ state: 'active' })
  expect(await store.tenantKeys.maxVersion(tenantId)).toBe(2)
})

test('with backup retention, a retired version is due when its time has come, not before, and once', async () => {
  await activate(store, 2)
  await alone(store, tenantId).tenantKeys.retireOthers(tenantId, 2, [], 30)
  // The first date counts.
  await alone(store, tenantId).tenantKeys.retireOthers(tenantId, 2, [], 60)
  await timePasses(30 * secondsOfADay - 60)
  expect(await store.tenantKeys.listDueForDestruction(10)).toEqual([])
  expect(await alone(store, tenantId).tenantKeys.destroy(tenantId, 1)).toBe(false)
  await timePasses(60)
  expect(await store.tenantKeys.listDueForDestruction(10)).toMatchObject([{ tenantId, version: 1 }])
  expect(await alone(store, tenantId).tenantKeys.destroy(tenantId, 1)).toBe(true)
  expect(await states()).toEqual(['destroyed', 'active'])
  expect(await store.tenantKeys.listDueForDestruction(10)).toEqual([])
})

test('what is due is read page by page, each once, also where many fell due at one moment', async () => {
  const due = [3, 4, 5, 6, 7]
  for (const version of due)
    await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version, state: 'decrypt-only' }))
  await database.query("update keyhold.tenant_keys set destroy_after = now() where state = 'decrypt-only'")
  const seen: number[] = []
  let page = await store.tenantKeys.listDueForDestruction(2)
  for (; page.length > 0; page = await store.tenantKeys.listDueForDestruction(2, page.at(-1)))
    seen.push(...page.map(({ version }) => version))
  expect(seen).toEqual(due)
})

test('a version that a cipherkey still names is kept, with retention or without, and ends when none does', async () => {
  await activate(store, 2)
  for (const retentionDays of [0, 1]) {
    await alone(store, tenantId).tenantKeys.retireOthers(tenantId, 2, [1], retentionDays)
    expect(await states()).toEqual(['decrypt-only', 'active'])
    await timePasses(2 * secondsOfADay)
    expect(await store.tenantKeys.listDueForDestruction(10)).toEqual([])
  }
  await alone(store, tenantId).tenantKeys.retireOthers(tenantId, 2, [], 0)
  expect(await states()).toEqual(['destroyed', 'active'])
})

test('what was cancelled before use ends without a trace of its wrap', async () => {
  await alone(store, tenantId).tenantKeys.destroyPending(tenantId)
  expect(await states()).toEqual(['active', 'destroyed'])
  expect(await store.tenantKeys.find(tenantId, 2)).toMatchObject({ wrapped: undefined })
  expect(await store.tenantKeys.list(tenantId)).toMatchObject([
    { version: 1, state: 'active', destroyedAt: undefined },
    { version: 2, state: 'destroyed', destroyedAt: expect.any(Date) as Date },
  ])
})

test('tenants are due for rotation by the age of their active version, while no key job of theirs is live', async () => {
  expect(await store.tenantKeys.listDueForRotation(1, 10)).toEqual([])
  await database.query(`update keyhold.tenant_keys set created_at = now() - interval '2 days'`)
  await resign(database.db)
  const [due = { tenantId, version: 0, dueAt: '' }] = await store.tenantKeys.listDueForRotation(1, 10)
  expect(await store.tenantKeys.isOlder(due, 1)).toBe(true)
  expect(await store.tenantKeys.isOlder(due, 3)).toBe(false)
  expect(await store.tenantKeys.listDueForRotation(1, 10)).toMatchObject([{ tenantId, version: 1 }])
  expect(await store.tenantKeys.listDueForRotation(3, 10)).toEqual([])
  await alone(store, tenantId).keyJobs.insert(newKeyJob())
  expect(await store.tenantKeys.listDueForRotation(1, 10)).toEqual([])
})

test('only a version that is decrypt-only is ever destroyed', async () => {
  await alone(store, tenantId).tenantKeys.destroy(tenantId, 1)
  await alone(store, tenantId).tenantKeys.destroy(tenantId, 2)
  expect(await states()).toEqual(['active', 'pending'])
})
