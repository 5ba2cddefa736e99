// A pooler in transaction mode is refused at the start, by each command that connects, before anything is made in the database.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startServer } from '../../src/main.ts'
import { readSettings } from '../../src/settings/read-settings.ts'
import { checkOwnSessions } from '../../src/store/connections/check-own-sessions.ts'
import { connectDatabaseToLook } from '../../src/wiring/connect-database.ts'
import { migrateDatabase } from '../../src/wiring/commands/migrate-database.ts'
import { startTransactionPooler, type NextSession } from '../../../testkit/src/cluster/transaction-pooler.ts'
import { startProxyBefore } from '../../../testkit/src/cluster/proxy-before.ts'
import {
  databaseUrl,
  openTestPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
let connection: TestConnection
let dataDir: string
const closers: (() => Promise<void>)[] = []
beforeAll(async () => {
  postgres = await openTestPostgres()
  connection = await postgres.createDatabase()
  dataDir = await mkdtemp(path.join(tmpdir(), 'keyhold-pooler-'))
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})
afterAll(async () => {
  await postgres.stop()
  await rm(dataDir, { recursive: true, force: true })
})

async function throughPooler(next: NextSession): Promise<TestConnection> {
  const pooler = await startTransactionPooler(path.join(connection.host, `.s.PGSQL.${connection.port}`), next)
  closers.push(() => pooler.close())
  return { ...connection, host: '127.0.0.1', port: pooler.port }
}

const refusal = { code: 'ERR_DATABASE_UNSAFE', message: expect.stringContaining('session mode') as string }

test.each(['last', 'in turn'] as const)('a pooler whose next session is %s', async (next) => {
  const through = await throughPooler(next)
  const db = postgres.open(through)
  // The sessions of other clients are in its pool, too.
  await Promise.all([1, 2, 3].map(() => db.connection().execute(() => Promise.resolve())))
  await expect(checkOwnSessions(db)).rejects.toMatchObject(refusal)
  await db.destroy()
})

test('neither a server nor a command begins behind it', async () => {
  const settings = readSettings({
    KEYHOLD_DATABASE_URL: databaseUrl(await throughPooler('last')),
    KEYHOLD_DATA_DIR: dataDir,
    KEYHOLD_PORT: '0',
  })
  await expect(startServer(settings, pino({ level: 'silent' }))).rejects.toMatchObject(refusal)
  await expect(migrateDatabase(settings, undefined)).rejects.toMatchObject(refusal)
  // By this doctor and upgrade-check connect.
  await expect(connectDatabaseToLook(settings)).rejects.toMatchObject(refusal)
  const schemas = await postgres.query(connection, "select from pg_namespace where nspname like 'keyhold%'")
  expect(schemas).toEqual([])
})

test('a proxy that gives each client its own session is none, and nobody goes on listening', async () => {
  const { proxy } = await startProxyBefore(connection)
  closers.push(() => proxy.close())
  const db = postgres.open({ ...connection, host: '127.0.0.1', port: proxy.port }, 2)
  await checkOwnSessions(db)
  await checkOwnSessions(db)
  await db.destroy()
})
