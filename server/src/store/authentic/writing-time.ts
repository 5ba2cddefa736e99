// The time that goes into a signed row: it is known before the row is written, and has the milliseconds that its MAC covers.
import { sql } from 'kysely'
import type { Database } from '../database.ts'

export async function readWritingTime(db: Database): Promise<Date> {
  const { rows } = await sql<{ at: Date }>`
    select date_trunc('milliseconds', clock_timestamp()) as at`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('the database has told no time')
  return row.at
}
