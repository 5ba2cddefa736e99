// As many databases as a test file needs, in the one PostgreSQL of this run of the tests or in one of its own.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../../server/src/postgres/start-embedded-postgres.ts'
import type { PostgresConnection } from '../../../server/src/postgres/ensure-database.ts'
import { openDatabaseClock, ownClocks, type ReplicaClocks } from '../../../server/src/store/database-clock.ts'
import { openDatabase, type Database } from '../../../server/src/store/database.ts'
import { createStore, type Store } from '../../../server/src/store/store.ts'
import { openTestMacs, testClaim } from './test-macs.ts'
import { openQueryPool, type QueryPool, type Row } from './query-pool.ts'
import { schemaTemplate, startedTemplate, warmDataDir, warmPostgres } from './warm-start.ts'

export type TestConnection = PostgresConnection

/** Two pools of one database with Keyhold's schema, as two replicas have. */
export interface TestStores {
  connection: TestConnection
  db: Database
  store: Store
  otherStore: Store
  /** Runs one statement on this database. */
  query(statement: string, values?: unknown[]): Promise<Row[]>
}

export interface TestPostgres {
  /** An empty database. */
  createDatabase(): Promise<TestConnection>
  /** A database with Keyhold's tables and nothing in them, as a first start has it that was killed before its root key. */
  createDatabaseWithSchema(): Promise<TestConnection>
  /** A database as a first start of the server leaves it; its root key is `warmRootKey`. */
  createStartedDatabase(): Promise<TestConnection>
  /** A pool that is closed at the end. */
  open(connection: TestConnection, maxConnections?: number): Database
  /** A store over a pool of its own, as a replica with these clocks has it. */
  openStore(connection: TestConnection, clocks?: Partial<ReplicaClocks>): Promise<Store>
  /** The same of a replica that runs before the rows are adopted. */
  openStoreBeforeAdoption(connection: TestConnection): Promise<Store>
  /** A database with Keyhold's schema, claimed for a root key of the tests. */
  createStores(): Promise<TestStores>
  /** Runs one statement, over a connection that stays open. */
  query(connection: TestConnection, statement: string, values?: unknown[]): Promise<Row[]>
  /** Closes what was opened, and deletes the databases. */
  stop(): Promise<void>
}

/** The connection as an operator would write it into KEYHOLD_DATABASE_URL. */
export function databaseUrl({ host, port, user, password, database }: TestConnection): string {
  return `postgres://${user}:${encodeURIComponent(password)}@/${database}?host=${encodeURIComponent(host)}&port=${port}`
}

/** Databases in the PostgreSQL that all tests of this run share. Its settings are the same for all of them. */
export async function openTestPostgres(): Promise<TestPostgres> {
  return createTestPostgres(await warmPostgres())
}

/** A PostgreSQL for this test alone, whose settings it may change. */
export async function startOwnPostgres(settings: Record<string, string> = {}): Promise<TestPostgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-store-'))
  const dataDir = path.join(folder, 'data')
  await warmDataDir(dataDir)
  const server: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir, log: () => undefined, settings })
  const postgres = createTestPostgres(server.connection)
  return {
    ...postgres,
    async stop() {
      await postgres.stop()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function createTestPostgres(connection: PostgresConnection): TestPostgres {
  const pools: Database[] = []
  const queryPools = new Map<string, QueryPool>()
  const databases: string[] = []

  function query(to: TestConnection, statement: string, values?: unknown[]): Promise<Row[]> {
    const pool = queryPools.get(to.database) ?? openQueryPool(to)
    queryPools.set(to.database, pool)
    return pool.query(statement, values)
  }

  // Nobody may be connected to a template that is being copied.
  const administer = (statement: string) => query({ ...connection, database: 'postgres' }, statement)

  async function createDatabase(template = 'template1'): Promise<TestConnection> {
    // Other test files make databases in the same PostgreSQL.
    const database = `test_${randomBytes(8).toString('hex')}`
    // Through the log of changes, which is the default, a database of a thousand files costs twice as much.
    await administer(`create database ${database} template ${template} strategy file_copy`)
    databases.push(database)
    return { ...connection, database }
  }

  function open(to: TestConnection, maxConnections = 10): Database {
    const db = openDatabase(to, { maxConnections, applicationName: 'test', onError: () => undefined })
    pools.push(db)
    return db
  }

  async function storeOf(
    db: Database,
    clocks: Partial<ReplicaClocks> = {},
    requiresMacs = true,
  ): Promise<Store> {
    const clock = await openDatabaseClock(db, { ...ownClocks, ...clocks })
    return createStore(db, clock, { macs: await openTestMacs(db, requiresMacs) })
  }

  return {
    createDatabase: () => createDatabase(),
    createDatabaseWithSchema: () => createDatabase(schemaTemplate),
    createStartedDatabase: () => createDatabase(startedTemplate),
    open,
    query,
    openStore: (to, clocks) => storeOf(open(to), clocks),
    openStoreBeforeAdoption: (to) => storeOf(open(to), {}, false),
    async createStores() {
      const to = await createDatabase(schemaTemplate)
      const db = open(to)
      const store = await storeOf(db)
      await store.installation.claimRootKey(testClaim)
      return {
        connection: to,
        ...{ db, store, otherStore: await storeOf(open(to)) },
        query: (statement, values) => query(to, statement, values),
      }
    },
    async stop() {
      await Promise.all(pools.map((db) => db.destroy()))
      for (const database of databases.splice(0)) await administer(`drop database ${database} with (force)`)
      await Promise.all([...queryPools.values()].map((pool) => pool.close()))
    },
  }
}
