// A table that grows without an end fills the disk one day: each has its line on the page about them.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())

test('docs/storage.md lists the tables of the schema, and says of each what ends its rows', async () => {
  const stores = await postgres.createStores()
  const rows = await stores.query(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'keyhold' and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  )
  const page = await readFile(new URL('../../../docs/storage.md', import.meta.url), 'utf8')
  const lines = page.split('\n').filter((line) => line.startsWith('| `'))
  const cells = lines.map((line) => line.split('|').map((cell) => cell.trim()))
  expect(cells.map(([, name]) => name?.replaceAll('`', '')).toSorted()).toEqual(rows.map(({ name }) => name))
  for (const [, name, ...rest] of cells) expect(rest.slice(0, 3), name).not.toContain('')
})
