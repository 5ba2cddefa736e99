// A program: makes what test servers begin with in the folder of its first argument, and then runs the one PostgreSQL of
// a run of the tests in the folder of its second argument until its parent closes the channel. One for the whole run,
// not one for each worker: it is a process of its own anyway, and a start costs two seconds of a processor.
import { execFile } from 'node:child_process'
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { readSettings } from '../../../server/src/settings/read-settings.ts'
import { startServer } from '../../../server/src/main.ts'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../../server/src/postgres/start-embedded-postgres.ts'
import { openDatabase } from '../../../server/src/store/database.ts'
import { migrateSchema } from '../../../server/src/store/schema/migrate-schema.ts'
import { queryOnce } from './query-once.ts'
import { schemaTemplate } from './warm-start.ts'

const [folder = '', postgresFolder = ''] = process.argv.slice(2)
let stop = () => Promise.resolve()
// The parent may go at any moment, also while the first part still runs.
process.on('disconnect', () => {
  void stop().finally(() => process.exit())
})

/** A data directory with everything that a server makes at its first start. */
async function makeDataDir(): Promise<string> {
  const dataDir = path.join(folder, 'data')
  const settings = readSettings({ KEYHOLD_PORT: '0', KEYHOLD_DATA_DIR: dataDir })
  const server = await startServer({ ...settings, mayCreateRootKey: true }, pino({ level: 'silent' }))
  await server.stop()
  return dataDir
}

/** A database with Keyhold's tables and nothing in them. */
async function makeSchemaTemplate({ connection }: EmbeddedPostgres): Promise<void> {
  await queryOnce(connection, `create database ${schemaTemplate}`)
  const options = { maxConnections: 1, applicationName: 'test', onError: () => undefined }
  const db = openDatabase({ ...connection, database: schemaTemplate }, options)
  await migrateSchema(db, () => Promise.resolve())
  await db.destroy()
}

const made = await makeDataDir()
const dataDir = path.join(postgresFolder, 'shared')
// Owners and modes matter to PostgreSQL.
await promisify(execFile)('cp', ['-a', made, dataDir])
await rename(made, path.join(folder, 'ready'))
// Asking for a password costs a connection 5 ms of a processor, of some 12, and a run of the tests makes thousands. Others
// than this user are asked for theirs.
await writeFile(
  path.join(dataDir, 'postgres/pg_hba.conf'),
  'local all keyhold trust\nlocal all all scram-sha-256\n',
)
const postgres = await startEmbeddedPostgres({
  dataDir,
  log: () => undefined,
  // A Keyhold refuses a PostgreSQL without fsync, full_page_writes or synchronous_commit, also in a test. The rest only
  // saves work: with a hundred databases the autovacuum would start a process every half second.
  settings: {
    max_connections: '400',
    autovacuum: 'off',
    jit: 'off',
    checkpoint_timeout: '1h',
    max_wal_size: '4GB',
    wal_level: 'minimal',
    wal_init_zero: 'off',
    max_wal_senders: '0',
  },
})
stop = () => postgres.stop()
await makeSchemaTemplate(postgres)
const file = path.join(folder, 'postgres.json')
await writeFile(`${file}.new`, JSON.stringify(postgres.connection))
await rename(`${file}.new`, file)
