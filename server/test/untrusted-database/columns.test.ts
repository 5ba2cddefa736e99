// Every column of the database has a standing: a MAC covers it, or a reason says why it needs none. Whoever adds a column
// decides that here.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { standings } from '../../../testkit/src/untrusted-database/columns.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())

// Partitions have the columns of their table.
const columnsOfSchema = `
  select c.table_name || '.' || c.column_name as name from information_schema.columns c
  join pg_class t on t.relname = c.table_name and t.relnamespace = 'keyhold'::regnamespace
  where c.table_schema = 'keyhold' and not t.relispartition order by 1`

test('every column of the schema has a standing, and no column that is gone has one', async () => {
  const { connection } = await postgres.createStores()
  const inSchema = (await postgres.query(connection, columnsOfSchema)).map(({ name }) => String(name))
  expect(inSchema.length).toBeGreaterThan(100)
  expect(standings().map(({ table, column }) => `${table}.${column}`)).toEqual(
    inSchema.toSorted((a, b) => (a < b ? -1 : 1)),
  )
})

test('a column that no MAC covers has a reason, and one that a MAC covers needs none', () => {
  for (const { table, column, kinds, because } of standings())
    expect(because === '', `${table}.${column}: ${because}`).toBe(kinds.length > 0)
})
