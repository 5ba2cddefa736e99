// Statements of a test to one database, over a connection that stays open: a new one costs PostgreSQL more than most
// statements do.
import pg from 'pg'
import type { PostgresConnection } from '../../../server/src/postgres/ensure-database.ts'

import { pinnedConfig } from '../../../server/src/driver/pinned-client.ts'

export type Row = Record<string, unknown>

export interface QueryPool {
  query(statement: string, values?: unknown[]): Promise<Row[]>
  close(): Promise<void>
}

export function openQueryPool(connection: PostgresConnection): QueryPool {
  // A second connection is opened only while a statement waits, as for a lock.
  const pool = new pg.Pool({
    ...pinnedConfig(connection),
    max: 4,
    idleTimeoutMillis: 0,
    application_name: 'test',
  })
  pool.on('error', () => undefined)
  return {
    async query(statement, values = []) {
      // Without values the simple protocol, in which several statements may stand.
      const { rows } = await (values.length === 0
        ? pool.query<Row>(statement)
        : pool.query<Row>(statement, values))
      return rows
    },
    close: () => pool.end(),
  }
}
