// The way to the PostgreSQL that a Keyhold runs in its data directory.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { PostgresConnection } from '../../../server/src/postgres/ensure-database.ts'

/** The connection as the server wrote it into its data directory. */
export async function embeddedConnection(dataDir: string): Promise<PostgresConnection> {
  const file = path.join(dataDir, 'postgres-connection.json')
  return JSON.parse(await readFile(file, 'utf8')) as PostgresConnection
}
