// One PostgreSQL for a test file, and as many empty databases in it as there are tests.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../../server/src/postgres/start-embedded-postgres.ts'
import { openDatabase, type Database } from '../../server/src/store/database.ts'
import { migrateSchema } from '../../server/src/store/schema/migrate-schema.ts'
import { createStore, type Store } from '../../server/src/store/store.ts'
import { warmDataDir } from './warm-start.ts'

export interface TestConnection {
  host: string
  port: number
  user: string
  password: string
  database: string
}

/** Two pools of one database with Keyhold's schema, as two replicas have. */
export interface TestStores {
  connection: TestConnection
  db: Database
  store: Store
  otherStore: Store
}

export interface TestPostgres {
  /** Of an empty database. */
  readonly connection: TestConnection
  createDatabase(): Promise<TestConnection>
  /** A pool that is closed with the server. */
  open(connection: TestConnection, maxConnections?: number): Database
  /** A database with Keyhold's schema. */
  createStores(): Promise<TestStores>
  stop(): Promise<void>
}

/** The connection as an operator would write it into KEYHOLD_DATABASE_URL. */
export function databaseUrl({ host, port, user, password, database }: TestConnection): string {
  return `postgres://${user}:${encodeURIComponent(password)}@/${database}?host=${encodeURIComponent(host)}&port=${port}`
}

/** Runs one statement over a connection of its own. */
export async function runSql(connection: TestConnection, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(connection)
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** @param settings - of PostgreSQL; what is committed need not survive a crash of the machine here */
export async function startTestPostgres(
  settings: Record<string, string> = { fsync: 'off' },
): Promise<TestPostgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-store-'))
  const dataDir = path.join(folder, 'data')
  await warmDataDir(dataDir)
  const server = await startEmbeddedPostgres({
    dataDir,
    log: () => undefined,
    settings,
  })
  const { connection } = server
  const pools: Database[] = []
  let databases = 0
  let template: Promise<string> | undefined

  async function createDatabase(from = 'template1'): Promise<TestConnection> {
    const database = `test_${++databases}`
    await runSql(connection, `create database ${database} template ${from}`)
    return { ...connection, database }
  }

  /** A database with Keyhold's schema that nobody is connected to: copying it costs a fifth of making one. */
  async function createTemplate(): Promise<string> {
    const made = await createDatabase()
    const db = openDatabase(made, { maxConnections: 1, applicationName: 'test', onError: () => undefined })
    await migrateSchema(db, () => Promise.resolve())
    await db.destroy()
    return made.database
  }

  function open(to: TestConnection, maxConnections = 10): Database {
    const db = openDatabase(to, { maxConnections, applicationName: 'test', onError: () => undefined })
    pools.push(db)
    return db
  }

  return {
    connection: await createDatabase(),
    createDatabase: () => createDatabase(),
    open,
    async createStores() {
      const database = await createDatabase(await (template ??= createTemplate()))
      const db = open(database)
      return { connection: database, db, store: createStore(db), otherStore: createStore(open(database)) }
    },
    async stop() {
      await Promise.all(pools.map((db) => db.destroy()))
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
