// One statement over a connection of its own.

import { Client, type QueryResultRow } from 'pg'
import type { PostgresConnection } from '../../../server/src/postgres/ensure-database.ts'

/** Connects, runs `sql`, disconnects. */
export async function queryOnce(connection: PostgresConnection, sql: string): Promise<QueryResultRow[]> {
  const client = new Client(connection)
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<QueryResultRow>(sql)
    return rows
  } finally {
    await client.end().catch(() => undefined)
  }
}
