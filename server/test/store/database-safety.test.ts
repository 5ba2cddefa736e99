// Start-up refuses a PostgreSQL that may lose what it said was committed, and one that is too old.
import {
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
} from 'kysely'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { readSettings } from '../../src/settings/read-settings.ts'
import { startServer } from '../../src/main.ts'
import { checkDatabaseSafety, type Database } from '../../src/store/database.ts'
import type { Tables } from '../../src/store/tables.ts'
import {
  databaseUrl,
  startOwnPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
let empty: TestConnection
let dataDir: string
beforeAll(async () => {
  // Unlike for other tests: with PostgreSQL's own settings.
  postgres = await startOwnPostgres()
  empty = await postgres.createDatabase()
  dataDir = await mkdtemp(path.join(tmpdir(), 'keyhold-unsafe-'))
})
afterAll(async () => {
  await postgres.stop()
  await rm(dataDir, { recursive: true, force: true })
})
afterEach(async () => {
  await postgres.query(empty, 'alter system reset all')
  await postgres.query(empty, 'select pg_reload_conf()')
})

async function settingIs(name: string, value: string): Promise<void> {
  await postgres.query(empty, `alter system set ${name} = ${value}`)
  await postgres.query(empty, 'select pg_reload_conf()')
  await expect
    .poll(async () => (await postgres.query(empty, `show ${name}`))[0]?.[name], {
      timeout: 5_000,
    })
    .toBe(value)
}

test('PostgreSQL with its own settings is safe', async () => {
  await checkDatabaseSafety(postgres.open(empty))
})

test.each(['fsync', 'full_page_writes', 'synchronous_commit'])(
  'a server on %s=off is refused with what to do, before anything is made in it',
  async (name) => {
    const connection = await postgres.createDatabase()
    await settingIs(name, 'off')
    const settings = readSettings({
      KEYHOLD_DATABASE_URL: databaseUrl(connection),
      KEYHOLD_DATA_DIR: dataDir,
      KEYHOLD_PORT: '0',
    })
    await expect(startServer(settings, pino({ level: 'silent' }))).rejects.toMatchObject({
      code: 'ERR_DATABASE_UNSAFE',
      message: expect.stringContaining(`set ${name}=on`) as string,
    })
    const schemas = await postgres.query(
      connection,
      "select 1 from pg_namespace where nspname like 'keyhold%'",
    )
    expect(schemas).toEqual([])
    expect(await readdir(dataDir)).not.toContain('root-key')
  },
)

test('a setting of the database alone counts as well', async () => {
  const connection = await postgres.createDatabase()
  await postgres.query(connection, `alter database ${connection.database} set synchronous_commit = off`)
  await expect(checkDatabaseSafety(postgres.open(connection))).rejects.toMatchObject({
    code: 'ERR_DATABASE_UNSAFE',
  })
})

test('commits that wait for a standby, or for the local disk alone, are safe', async () => {
  const connection = await postgres.createDatabase()
  for (const value of ['local', 'remote_apply']) {
    await postgres.query(
      connection,
      `alter database ${connection.database} set synchronous_commit = ${value}`,
    )
    await checkDatabaseSafety(postgres.open(connection, 1))
  }
})

/** A database that answers every question with the same rows. */
function answering(rows: unknown[]): Database {
  const connection: DatabaseConnection = {
    executeQuery: () => Promise.resolve({ rows: rows as never[] }),
    streamQuery: () => {
      throw new Error('no streams')
    },
  }
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createDriver: () => ({
        init: () => Promise.resolve(),
        acquireConnection: () => Promise.resolve(connection),
        beginTransaction: () => Promise.resolve(),
        commitTransaction: () => Promise.resolve(),
        rollbackTransaction: () => Promise.resolve(),
        releaseConnection: () => Promise.resolve(),
        destroy: () => Promise.resolve(),
      }),
    },
  })
}

test.each([
  ['130022', false],
  ['140000', true],
  ['180000', true],
])('server version %s is accepted: %s', async (setting, isAccepted) => {
  const check = checkDatabaseSafety(answering([{ name: 'server_version_num', setting }]))
  if (isAccepted) await check
  else await expect(check).rejects.toMatchObject({ code: 'ERR_DATABASE_UNSUPPORTED' })
})

test('a server that does not tell its version is refused', async () => {
  await expect(checkDatabaseSafety(answering([]))).rejects.toMatchObject({ code: 'ERR_DATABASE_UNSUPPORTED' })
})
