// A proxy before the database of a test server, and the way through it.
import path from 'node:path'
import { databaseUrl, type TestConnection } from '../database/test-database.ts'
import { startPostgresProxy, type PostgresProxy } from './postgres-proxy.ts'

/** Answers the proxy, and the setting of a replica that goes through it. */
export async function startProxyBefore(
  connection: TestConnection,
): Promise<{ proxy: PostgresProxy; settings: { KEYHOLD_DATABASE_URL: string } }> {
  const proxy = await startPostgresProxy(path.join(connection.host, `.s.PGSQL.${connection.port}`))
  const through = { ...connection, host: '127.0.0.1', port: proxy.port }
  return { proxy, settings: { KEYHOLD_DATABASE_URL: databaseUrl(through) } }
}
