// Looks for planted secrets in every row of every table, audit records included.
import type { TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { leakIn } from './canaries.ts'

/** How many rows there were, and one line for each table that tells a secret. */
export async function searchDatabase(
  { query }: Pick<TestServer, 'query'>,
  secrets: ReadonlySet<string>,
): Promise<{ rows: number; problems: string[] }> {
  const tables = await query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  )
  const problems: string[] = []
  let count = 0
  for (const { name } of tables) {
    const rows = await query(`select t::text as text from ${String(name)} t`)
    count += rows.length
    const leak = rows.map(({ text }) => leakIn(String(text), secrets)).find((each) => each !== undefined)
    if (leak !== undefined) problems.push(`the table ${String(name)} tells a secret: ${leak}`)
  }
  return { rows: count, problems }
}
