// Locks, notifications and prepared statements belong to a session of PostgreSQL. A pooler in transaction mode gives a session to
// whoever begins the next transaction, and says so to nobody: locks would then be held by others, and messages go to nobody.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { Database } from '../database.ts'

// Poolers take the session that was given back last, or each in turn. One round finds out both; another one is for those that
// take any.
const rounds = 2
const channelPrefix = 'keyhold_session_'
// Invalid SQL statement name, and duplicate prepared statement, of PostgreSQL's appendix A: it was prepared in another session.
const foreignStatement = new Set(['26000', '42P05'])

/**
 * Refuses connections whose sessions others get between two transactions. Uses two connections of the pool at once.
 *
 * @throws KeyholdError `ERR_DATABASE_UNSAFE`
 */
export async function checkOwnSessions(db: Database): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    if (!(await haveOwnSessions(db))) {
      throw new KeyholdError('ERR_DATABASE_UNSAFE', {
        message:
          'A pooler between Keyhold and PostgreSQL gives sessions to others after each transaction: connect without it, or set it to session mode. Keyhold has a pool of its own.',
      })
    }
  }
}

async function haveOwnSessions(db: Database): Promise<boolean> {
  const [one, other] = [0, 1].map(() => channelPrefix + randomUUID()) as [string, string]
  try {
    return await db.connection().execute((first) =>
      db.connection().execute(async (second) => {
        await listen(first, one)
        await listen(second, other)
        const areOwn = await second
          .transaction()
          .execute(
            async (transaction) => (await hearsOnly(transaction, other)) && (await hearsOnly(first, one)),
          )
        for (const connection of [first, second]) await sql`unlisten *`.execute(connection)
        return areOwn
      }),
    )
  } catch (error) {
    if (error instanceof pg.DatabaseError && foreignStatement.has(error.code ?? '')) return false
    throw error
  }
}

async function listen(connection: Database, channel: string): Promise<void> {
  await sql`listen ${sql.id(channel)}`.execute(connection)
}

async function hearsOnly(connection: Database, channel: string): Promise<boolean> {
  const { rows } = await sql<{ channel: string }>`
    select channel from pg_listening_channels() as channel
    where starts_with(channel, ${channelPrefix})`.execute(connection)
  return rows.length === 1 && rows[0]?.channel === channel
}
