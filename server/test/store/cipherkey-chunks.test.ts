// Chunks of cipherkeys change by compare-and-set alone, in place, and are walked in the order of their primary key.
import { sql } from 'kysely'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseCipherkeyRecords } from '../../src/store/cipherkeys/cipherkey-records.ts'
import type { CipherkeyPosition, CipherkeyRow, NewCipherkey } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { Database } from '../../src/store/database.ts'
import { openDatabaseClock } from '../../src/store/database-clock.ts'
import { openTestMacs } from '../../../testkit/src/database/test-macs.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import {
  activate,
  insertTenant,
  newCipherkey,
  rewrapAll,
  tenantId,
  tenantKeyRow,
  type Rewrap,
} from './stored-rows.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let database: TestStores
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
  store = database.store
  await insertTenant(store)
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
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

test('a rewrap takes effect only on rows that are as they were read', async () => {
  const [same, otherWrap, otherVersion] = await insertMany(3)
  if (same === undefined || otherWrap === undefined || otherVersion === undefined) throw new Error('rows')
  await activate(store, 2)
  const good = rewrapOf(same)
  const done = await rewrapAll(store, tenantId, 2, [
    good,
    rewrapOf(otherWrap, { oldWrapped: randomBytes(104) }),
    rewrapOf(otherVersion, { oldTenantKeyVersion: 2 }),
    rewrapOf(newCipherkey()),
  ])
  expect(done).toBe(1)
  expect(await stored(same)).toMatchObject({ wrapped: good.newWrapped, tenantKeyVersion: 2 })
  for (const row of [otherWrap, otherVersion]) {
    expect(await stored(row)).toMatchObject({ wrapped: row.wrapped, tenantKeyVersion: 1 })
  }
  expect(await rewrapAll(store, tenantId, 2, [good]), 'twice').toBe(0)
  expect(await rewrapAll(store, tenantId, 2, [rewrapOf(otherWrap, { version: 2 })])).toBe(0)
  expect(await rewrapAll(store, tenantId, 2, [])).toBe(0)
})

test('a rewrap reaches no other tenant, not even with the id of its data key', async () => {
  await insertTenant(store, 'tenant-2')
  const [row] = await insertMany(1, { tenantId: 'tenant-2' })
  if (row === undefined) throw new Error('row')
  expect(await rewrapAll(store, tenantId, 1, [rewrapOf(row)])).toBe(0)
  expect(await stored(row)).toMatchObject({ wrapped: row.wrapped })
})

slowTest('of two rewraps of one row at the same time one takes effect', async () => {
  const [row] = await insertMany(1)
  if (row === undefined) throw new Error('row')
  await activate(store, 2)
  const counts = await Promise.all(
    Array.from({ length: 8 }, () => rewrapAll(store, tenantId, 2, [rewrapOf(row)])),
  )
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1)
})

test('chunks go through all rows once, in order, and notUnder leaves out what is done', async () => {
  const rows = await insertMany(25)
  await activate(store, 2)
  const [done] = rows
  if (done === undefined) throw new Error('row')
  await rewrapAll(store, tenantId, 2, [rewrapOf(done)])
  for (const [options, expected] of [
    [{ limit: 10 }, rows],
    [{ limit: 7, notUnder: 2 }, rows.slice(1)],
  ] as const) {
    const seen: CipherkeyPosition[] = []
    for (;;) {
      const chunk = await store.cipherkeyChunks.next(tenantId, seen.at(-1), options)
      if (chunk === undefined) break
      const records = parseCipherkeyRecords(chunk.records)
      expect(chunk.rows).toBe(records.length)
      expect(chunk.rows).toBeLessThanOrEqual(options.limit)
      expect(chunk.last).toMatchObject({ dataKeyId: records.at(-1)?.dataKeyId, version: 1 })
      seen.push(...records)
    }
    expect(seen.map((row) => row.dataKeyId)).toEqual(expected.map((row) => row.dataKeyId).sort())
  }
  expect(await store.surveys.findNeeded(tenantId, [2, 3])).toEqual([2])
})

test.each([
  '2026-01-02 03:04:05.678999',
  '2000-01-01 00:00:00',
  '1999-12-31 23:59:59.999999',
  '1969-12-31 23:59:59.999001',
  '2400-01-01 00:00:00.000001',
  'infinity',
  '-infinity',
])('the name and the time %s are the same in a chunk as in a single row', async (time) => {
  const names = ['plain', 'Zahlungen – ü 😀', undefined]
  const rows = await insertMany(names.length)
  for (const [index, { dataKeyId }] of rows.entries())
    await database.query(
      'update keyhold.cipherkeys set key_name = $2, created_at = $3 where data_key_id = $1',
      [dataKeyId, names[index] ?? null, `${time}+00`.replace('infinity+00', 'infinity')],
    )
  const chunk = await store.cipherkeyChunks.next(tenantId, undefined, { limit: 10 })
  const records = parseCipherkeyRecords(chunk?.records ?? Buffer.alloc(0))
  const whole = (ms: number | undefined) => (Number.isFinite(ms) ? ms : 'endless')
  for (const [index, row] of rows.entries()) {
    const single = await stored(row)
    const inChunk = records.find(({ dataKeyId }) => dataKeyId === row.dataKeyId)
    expect([single?.keyName, inChunk?.keyName]).toEqual([names[index], names[index]])
    expect(whole(inChunk?.createdAtMs)).toBe(whole(single?.createdAtMs))
    const parsed = Date.parse(`${time.slice(0, 23).replace(' ', 'T')}Z`)
    expect(whole(single?.createdAtMs)).toBe(whole(parsed))
  }
})

slowTest('rewrapping rows, there and back, touches no index: at least 95 % are HOT updates', async () => {
  const count = 1_000
  let rows: CipherkeyRow[] = await insertMany(count)
  // Statistics are kept by the connection that did the work.
  const db = postgres.open(database.connection, 1)
  const one = createStore(db, await openDatabaseClock(db), { macs: await openTestMacs(db) })
  for (const version of [2, 1] as const) {
    await activate(store, version)
    const rewraps = rows.map((row) => rewrapOf(row))
    expect(await rewrapAll(one, tenantId, version, rewraps)).toBe(count)
    const chunk = await one.cipherkeyChunks.next(tenantId, undefined, { limit: count })
    rows = parseCipherkeyRecords(chunk?.records ?? Buffer.alloc(0)).map((row) => ({ tenantId, ...row }))
    await untilPrunable(db)
  }
  await sql`select pg_stat_force_next_flush()`.execute(db)
  const { rows: statistics } = await sql<{ updated: number; hot: number }>`
    select sum(n_tup_upd)::bigint as updated, sum(n_tup_hot_upd)::bigint as hot from pg_stat_user_tables
    where schemaname = 'keyhold' and relname ~ '^cipherkeys_p'`.execute(db)
  expect(statistics[0]?.updated).toBe(2 * count)
  expect(statistics[0]?.hot).toBeGreaterThanOrEqual(2 * count * 0.95)
})

/** Space is used again once no transaction is left from before, in whatever database of this server. */
async function untilPrunable(db: Database): Promise<void> {
  const { rows } = await sql<{ xid: string }>`select pg_current_xact_id()::text as xid`.execute(db)
  for (;;) {
    const { rows: over } = await sql`
      select where pg_snapshot_xmin(pg_current_snapshot()) > ${rows[0]?.xid}::xid8`.execute(db)
    if (over.length > 0) return
    await sleep(10)
  }
}
