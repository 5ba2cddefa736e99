// Cipherkeys change by compare-and-set alone, in place, and are walked in the order of their primary key.
import { sql } from 'kysely'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { CipherkeyPosition, CipherkeyRow, NewCipherkey, Rewrap } from '../../src/store/cipherkeys.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { insertTenant, newCipherkey, tenantId, tenantKeyRow } from './stored-rows.ts'
import { startTestPostgres, type TestPostgres, type TestStores } from './test-database.ts'

let postgres: TestPostgres
let database: TestStores
let store: Store
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
  store = database.store
  await insertTenant(store)
  await store.tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
})

async function insertMany(count: number, changes: Partial<NewCipherkey> = {}): Promise<NewCipherkey[]> {
  const rows = Array.from({ length: count }, () => newCipherkey(changes))
  await store.transaction(async (transaction) => {
    for (const row of rows) await transaction.cipherkeys.insertActive(row)
  })
  return rows
}

function rewrapOf(row: CipherkeyRow, changes: Partial<Rewrap> = {}): Rewrap {
  return {
    dataKeyId: row.dataKeyId,
    version: row.version,
    oldWrapped: row.wrapped,
    oldTenantKeyVersion: row.tenantKeyVersion,
    newWrapped: randomBytes(104),
    ...changes,
  }
}

const stored = (row: CipherkeyRow) => store.cipherkeys.find(row.tenantId, row.dataKeyId, row.version)

test('a cipherkey is found as it was stored, by its id and by its name, and by no other tenant', async () => {
  await insertTenant(store, 'tenant-2')
  const { keyName, ...row } = newCipherkey()
  expect(await store.cipherkeys.insertActive({ ...row, keyName })).toBe(true)
  expect(await stored(row)).toEqual({ ...row, isRetired: false })
  expect(await store.cipherkeys.findActive(tenantId, keyName)).toMatchObject(row)
  expect(await store.cipherkeys.find('tenant-2', row.dataKeyId, 1)).toBeUndefined()
  expect(await store.cipherkeys.findActive('tenant-2', keyName)).toBeUndefined()
  expect(await store.cipherkeys.find(tenantId, row.dataKeyId, 2)).toBeUndefined()
})

test('a key name has one active data key: the second insert does nothing and says so', async () => {
  const [first] = await insertMany(1, { keyName: 'default' })
  const second = newCipherkey({ keyName: 'default' })
  expect(await store.cipherkeys.insertActive(second)).toBe(false)
  expect(await store.cipherkeys.findActive(tenantId, 'default')).toMatchObject({
    dataKeyId: first?.dataKeyId,
  })
  await insertTenant(store, 'tenant-2')
  expect(await store.cipherkeys.insertActive({ ...second, tenantId: 'tenant-2' })).toBe(true)
})

test('key names are told apart byte by byte', async () => {
  for (const keyName of ['default', 'Default', 'default ', 'défault', 'de\u0301fault']) {
    expect(await store.cipherkeys.insertActive(newCipherkey({ keyName }))).toBe(true)
  }
  expect(await store.cipherkeys.count(tenantId)).toBe(5)
})

test('a data key id and version is stored once, and never overwritten', async () => {
  const [row] = await insertMany(1)
  const again = newCipherkey({ ...(row && { dataKeyId: row.dataKeyId }) })
  await expect(store.cipherkeys.insertActive(again)).rejects.toMatchObject({ constraint: 'cipherkeys_pkey' })
})

test('a rewrap takes effect only on rows that are as they were read', async () => {
  const [same, otherWrap, otherVersion] = await insertMany(3)
  if (same === undefined || otherWrap === undefined || otherVersion === undefined) throw new Error('rows')
  const good = rewrapOf(same)
  const done = await store.cipherkeys.rewrap(tenantId, 2, [
    good,
    rewrapOf(otherWrap, { oldWrapped: randomBytes(104) }),
    rewrapOf(otherVersion, { oldTenantKeyVersion: 2 }),
    rewrapOf(newCipherkey()),
    rewrapOf(same, { version: 2 }),
  ])
  expect(done).toBe(1)
  expect(await stored(same)).toMatchObject({ wrapped: good.newWrapped, tenantKeyVersion: 2 })
  for (const row of [otherWrap, otherVersion]) {
    expect(await stored(row)).toMatchObject({ wrapped: row.wrapped, tenantKeyVersion: 1 })
  }
  expect(await store.cipherkeys.rewrap(tenantId, 2, [good]), 'twice').toBe(0)
})

test('a rewrap reaches no other tenant, not even with the id of its data key', async () => {
  await insertTenant(store, 'tenant-2')
  const [row] = await insertMany(1, { tenantId: 'tenant-2' })
  if (row === undefined) throw new Error('row')
  expect(await store.cipherkeys.rewrap(tenantId, 1, [rewrapOf(row)])).toBe(0)
  expect(await stored(row)).toMatchObject({ wrapped: row.wrapped })
})

test('of two rewraps of one row at the same time one takes effect', async () => {
  const [row] = await insertMany(1)
  if (row === undefined) throw new Error('row')
  const counts = await Promise.all(
    Array.from({ length: 8 }, () => store.cipherkeys.rewrap(tenantId, 2, [rewrapOf(row)])),
  )
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1)
})

test('chunks go through all rows once, in order, and staleTo leaves out what is done', async () => {
  const rows = await insertMany(25)
  const [done] = rows
  if (done === undefined) throw new Error('row')
  await store.cipherkeys.rewrap(tenantId, 2, [rewrapOf(done)])
  for (const [options, expected] of [
    [{ limit: 10 }, rows],
    [{ limit: 7, staleTo: 2 }, rows.slice(1)],
  ] as const) {
    const seen: CipherkeyPosition[] = []
    for (;;) {
      const chunk = await store.cipherkeys.listAfter(tenantId, seen.at(-1), options)
      if (chunk.length === 0) break
      expect(chunk.length).toBeLessThanOrEqual(options.limit)
      seen.push(...chunk)
    }
    expect(seen.map((row) => row.dataKeyId)).toEqual(expected.map((row) => row.dataKeyId).sort())
  }
  expect(await store.cipherkeys.countStale(tenantId, 2)).toBe(24)
  expect(await store.cipherkeys.existsUnder(tenantId, 2)).toBe(true)
  expect(await store.cipherkeys.existsUnder(tenantId, 3)).toBe(false)
})

test('rewrapping rows, there and back, touches no index: at least 95 % are HOT updates', async () => {
  const count = 1_000
  let rows: CipherkeyRow[] = await insertMany(count)
  // Statistics are kept by the connection that did the work.
  const db = postgres.open(database.connection, 1)
  const one = createStore(db)
  for (const version of [2, 1]) {
    const rewraps = rows.map((row) => rewrapOf(row))
    expect(await one.cipherkeys.rewrap(tenantId, version, rewraps)).toBe(count)
    rows = await one.cipherkeys.listAfter(tenantId, undefined, { limit: count })
  }
  await sql`select pg_stat_force_next_flush()`.execute(db)
  const { rows: statistics } = await sql<{ updated: number; hot: number }>`
    select n_tup_upd as updated, n_tup_hot_upd as hot from pg_stat_user_tables
    where schemaname = 'keyhold' and relname = 'cipherkeys'`.execute(db)
  expect(statistics[0]?.updated).toBe(2 * count)
  expect(statistics[0]?.hot).toBeGreaterThanOrEqual(2 * count * 0.95)
})
