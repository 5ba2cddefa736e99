// One statement over a connection of its own.

import type { QueryResultRow } from 'pg'
import type { PostgresConnection } from '../../../server/src/postgres/ensure-database.ts'
import { PinnedClient, pinnedConfig } from '../../../server/src/driver/pinned-client.ts'

/** Connects, runs `sql`, disconnects. */
export async function queryOnce(connection: PostgresConnection, sql: string): Promise<QueryResultRow[]> {
  const client = new PinnedClient(pinnedConfig(connection))
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<QueryResultRow>(sql)
    return rows
  } finally {
    await client.end().catch(() => undefined)
  }
}
