// Statements under a name: a connection parses each once, and PostgreSQL keeps its plan. None of them reads cipherkeys.
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nameOf } from '../../../src/store/connections/named-statements.ts'
import { prepareStatement } from '../../../src/store/prepare-statement.ts'
import { createStore, type Store } from '../../../src/store/store.ts'
import type { Database } from '../../../src/store/database.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { insertTenant, newCipherkey, tenantId } from '../stored-rows.ts'

let postgres: TestPostgres
let stores: TestStores
// Of one connection, which is looked at.
let db: Database
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  db = postgres.open(stores.connection, 1)
  store = createStore(db, stores.store.clock, { macs: stores.store.macs })
  await insertTenant(store)
})
afterAll(() => postgres.stop())

// PostgreSQL compares costs from the sixth time on.
const often = 8

interface Kept {
  name: string
  statement: string
  generic: number
  custom: number
}

/** The statements that the connection has parsed. */
async function kept(): Promise<Kept[]> {
  const { rows } = await sql<Kept>`
    select name, statement, generic_plans::int as generic, custom_plans::int as custom
    from pg_prepared_statements order by name`.execute(db)
  return rows.filter(({ name }) => name.startsWith('keyhold_'))
}

test('what a request waits for is parsed once and planned a few times, but never for all partitions', async () => {
  const { keyName, dataKeyId, version, ...rest } = newCipherkey()
  await store.cipherkeys.insertActive({ keyName, dataKeyId, version, ...rest })
  for (let time = 0; time < often; time++) {
    expect(await store.cipherkeys.listActive(tenantId, [keyName])).toMatchObject([{ dataKeyId, keyName }])
    expect(await store.cipherkeys.find(tenantId, dataKeyId, version)).toMatchObject({ dataKeyId, version })
    expect(await store.tenantKeys.find(tenantId, 1)).toMatchObject({ version: 1 })
    expect(await store.guards.find(tenantId)).toMatchObject({ tenantId })
  }
  const statements = await kept()
  const used = statements.filter(({ generic, custom }) => generic + custom >= often)
  expect(used).toHaveLength(2)
  for (const { custom, statement } of used) expect(custom, statement).toBeLessThanOrEqual(5)

  for (const { statement } of statements) expect(statement).not.toMatch(/(from|join) keyhold\.cipherkeys/)
})

test('a statement goes on when a later version of the schema has more columns', async () => {
  const { keyName, ...rest } = newCipherkey()
  await store.cipherkeys.insertActive({ keyName, ...rest })
  const readAll = async () => {
    await store.cipherkeys.insertManyActive([newCipherkey()])
    await store.transaction((transaction) => transaction.dataKeys.lockCount(tenantId))
    await store.transaction((transaction) => transaction.dataKeys.addToCount(tenantId, 1))
    await store.withFence(tenantId, () => Promise.resolve())
    await store.withFenceShared(tenantId, () => Promise.resolve())
    await store.tenants.glanceAtFence(tenantId)
    await store.keyProbes.claim(1, { hastened: 1, unhealthy: 1, healthy: 1 }, 1)
    await store.replicas.beat('00000000-0000-4000-8000-000000000001', 1_000)
    await store.guards.listClosed([tenantId, 'tenant-2'], new Set())
    await store.apiKeys.findAll(['ak_1'])
    await store.transaction((transaction) => transaction.apiKeys.hold('ak_1', 'operator'))
    return [
      await store.cipherkeys.findActive(tenantId, keyName),
      await store.cipherkeys.find(tenantId, rest.dataKeyId, rest.version),
      await store.tenantKeys.find(tenantId, 1),
      await store.tenants.find(tenantId),
      await store.guards.find(tenantId),
    ]
  }
  for (let time = 0; time < often; time++) await readAll()
  const before = await kept()
  for (const table of await tables())
    await stores.query(`alter table keyhold.${table} add column of_tomorrow text`)
  for (const found of await readAll()) expect(found).toBeDefined()
  expect((await kept()).map(({ name }) => name)).toEqual(before.map(({ name }) => name))
})

async function tables(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select table_name::text as name from information_schema.tables t
    where table_schema = 'keyhold' and table_type = 'BASE TABLE'
      and not exists (select from pg_class c where c.relname = t.table_name and c.relispartition)`.execute(db)
  return rows.map(({ name }) => name)
}

// Behind a pooler a connection may have parsed the statements of another process.
test('the name of a statement comes from its text alone', async () => {
  expect(nameOf('select 1')).toBe('keyhold_822ae07d4783158bc1912bb623e5107c')
  await store.guards.find(tenantId)
  const statements = await kept()
  expect(statements).not.toEqual([])
  for (const { name, statement } of statements) expect(name).toBe(nameOf(statement))
})

test('a text that is made of values is refused: each would be kept', async () => {
  const ofValue = prepareStatement((tenant: string) => sql`select ${tenant}::text as a, ${'b'}::text as b`)
  await expect(ofValue(db, tenantId)).rejects.toThrow('part of its text')
})
