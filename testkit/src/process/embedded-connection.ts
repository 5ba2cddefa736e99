// The way to the PostgreSQL that a Keyhold runs in its data directory.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { PostgresConnection } from '../../../server/src/postgres/ensure-database.ts'

/** The connection as the server wrote it into its data directory. */
export function embeddedConnection(dataDir: string): PostgresConnection {
  const file = path.join(dataDir, 'postgres-connection.json')
  return JSON.parse(readFileSync(file, 'utf8')) as PostgresConnection
}
