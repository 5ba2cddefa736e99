// For the rest of a transaction, pages of a tenant's cipherkeys come from the primary key's index. With outdated
// statistics, as after very many new rows, the planner would sort the whole tenant for each page.
import { sql } from 'kysely'
import type { Database } from '../database.ts'

export async function readInOrder(transaction: Database): Promise<void> {
  await sql`select set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_seqscan', 'off', true)`.execute(transaction)
}
