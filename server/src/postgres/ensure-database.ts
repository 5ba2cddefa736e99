// Makes the database `keyhold` if it is missing, and verifies that the server lets Keyhold in.

import { DatabaseError } from 'pg'
import { PinnedClient, pinnedConfig } from '../driver/pinned-client.ts'

/** The options with which `pg` connects. The host is the folder of the socket. */
export interface PostgresConnection {
  host: string
  port: number
  user: string
  password: string
  database: string
}

const sqlInvalidCatalogName = '3D000'
const sqlInvalidPassword = '28P01'

/**
 * Connects to `connection.database` once, and makes it first if it is missing: in a new cluster, or in one
 * whose first start was killed.
 */
export async function ensureDatabase(connection: PostgresConnection, isNewCluster: boolean): Promise<void> {
  if (isNewCluster) await createDatabase(connection)
  try {
    await withClient(connection, () => Promise.resolve())
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== sqlInvalidCatalogName) throw error
    await createDatabase(connection)
  }
}

/** Whether the server refused the password. */
export function isPasswordRefused(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === sqlInvalidPassword
}

async function createDatabase(connection: PostgresConnection): Promise<void> {
  await withClient({ ...connection, database: 'postgres' }, async (client) => {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(connection.database)}`)
  })
}

async function withClient(
  connection: PostgresConnection,
  work: (client: PinnedClient) => Promise<void>,
): Promise<void> {
  const client = new PinnedClient({
    ...pinnedConfig(connection),
    ssl: false,
    connectionTimeoutMillis: 10_000,
  })
  // A connection that breaks while idle is reported here, and again by the call that needed it.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}
