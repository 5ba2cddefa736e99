// Copies of all of Keyhold's tables inside its database, as the attacker keeps them, and as the experiment needs them to begin
// each attack from the same state.
import type { QueryPool } from '../../../testkit/src/database/query-pool.ts'
import { standings } from '../../../testkit/src/untrusted-database/columns.ts'

type Query = QueryPool['query']

/** `older`: before the last changes. `base`: the true state. */
export type Copy = 'older' | 'base'

const notKept = new Set(['schema_migrations', 'schema_migrations_lock', 'replicas', 'changes'])

/** The tables that are kept: all that hold more than signs of life and messages. */
export const keptTables: readonly string[] = [...new Set(standings().map(({ table }) => table))].filter(
  (table) => !notKept.has(table),
)

/** Begins each transaction of the attacker, who owns the database: triggers and foreign keys do not keep him. */
export const asOwner = 'set local session_replication_role = replica;'

export async function keepRows(query: Query, copy: Copy): Promise<void> {
  const tables = keptTables.map((table) => `create table ${copy}.${table} as table keyhold.${table};`)
  await query(`begin; create schema ${copy}; ${tables.join('\n')} commit;`)
}

export async function restoreRows(query: Query): Promise<void> {
  const tables = keptTables.map(
    (table) => `delete from keyhold.${table}; insert into keyhold.${table} select * from base.${table};`,
  )
  await query(`begin; ${asOwner} ${tables.join('\n')} commit;`)
}

const authenticatedOf = Map.groupBy(
  standings().filter(({ standing }) => standing === 'authenticated'),
  ({ table }) => table,
)

/** A text that changes with each authenticated column of each row, but for the trail of audit records, which grows. */
export async function digestOfRows(query: Query): Promise<string> {
  const parts = [...authenticatedOf]
    .filter(([table]) => !table.startsWith('audit'))
    .map(([table, columns]) => {
      const row = `row(${columns.map(({ column }) => column).join()})::text`
      return `(select coalesce(md5(string_agg(${row}, ',' order by ${row})), '') from keyhold.${table})`
    })
  const [found] = await query(`select ${parts.join(" || ' ' || ")} as digest`)
  return String(found?.digest)
}
