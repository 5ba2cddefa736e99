// The database of this server: a PostgreSQL of the operator's own, or the embedded one. Another process of this
// installation may run the embedded one already.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import { readFile, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { applicationName } from '../driver/application-name.ts'
import { unverifiedHost } from '../driver/unverified-host.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { PostgresConnection } from '../postgres/ensure-database.ts'
import { startEmbeddedPostgres } from '../postgres/start-embedded-postgres.ts'
import { checkOwnSessions } from '../store/connections/check-own-sessions.ts'
import { askDatabase, createDatabaseWatch } from '../store/connections/database-watch.ts'
import { createConnectionCutter } from '../store/connection-cutter.ts'
import { openDatabase, type Database, type DatabaseConnection } from '../store/database.ts'
import { explainDatabaseError } from './explain-database-error.ts'

// For the queue of jobs, notifications, readiness, a command beside the server, and maintenance by hand.
const moreConnections = 20
// Of each replica: the queue of jobs, notifications, readiness, and those of a replica that takes the place of another.
const moreOfEach = 10
const minServerConnections = 100
const waitPauseMs = 500

export type DatabaseSettings = Pick<
  Settings,
  'dataDir' | 'databaseUrl' | 'databaseConnections' | 'allowUnverifiedDatabase' | 'armFailpoints'
> &
  // Those that wait for a database say so, and those that share one that is run for them.
  Partial<Pick<Settings, 'databaseWaitSeconds' | 'replica'>>

export interface ConnectedDatabase {
  db: Database
  connection: DatabaseConnection
  /** Closes the connections, and stops the embedded PostgreSQL if this process started it. */
  close: () => Promise<void>
}

export interface ServerDatabase extends ConnectedDatabase {
  /** Only for failpoints: cuts the connections of the pool. */
  cut: () => void
  /** A statement has failed: says so in the log if the database is lost. */
  suspect: (error: unknown) => void
  /** Makes the sockets of other connections to this database, so that they end in time as well. */
  stream: () => Socket
}

/** When this process stops. */
export interface Stopping {
  signal: AbortSignal
  /** How long after that statements may still run. */
  graceMs: number
}

/**
 * Connects to the server's database, and starts the embedded one if none is configured.
 *
 * @throws KeyholdError `ERR_DATABASE_UNAVAILABLE`, `ERR_CONFIG_INVALID` if the server refuses KEYHOLD_DATABASE_URL,
 * `ERR_DATABASE_UNSAFE` behind a pooler in transaction mode, and the errors of the embedded PostgreSQL
 * @param stopping - a database that is silent then must not keep this process from its other duties
 */
export async function connectDatabase(
  settings: DatabaseSettings,
  logger: Logger,
  stopping?: Stopping,
): Promise<ServerDatabase> {
  const { connection, stop } = await locate(settings, logger)
  const cutter = createConnectionCutter()
  const others = createConnectionCutter()
  let isSilent = false
  const dismiss =
    stopping &&
    afterGrace(stopping, () => {
      isSilent = true
      logger.warn('the database does not answer while this process stops: its connections are cut')
      for (const { end } of [cutter, others]) end()
    })
  const watch = createDatabaseWatch({
    ask: () => askDatabase(connection),
    onLost: (error) => {
      logger.error({ err: error }, 'the database is lost')
    },
    onBack: (seconds) => {
      logger.info({ seconds }, 'the database is back')
    },
  })
  const db = openDatabase(connection, {
    maxConnections: settings.databaseConnections,
    applicationName: applicationName(),
    stream: cutter.openStream,
    onError: watch.suspect,
  })
  const close = async () => {
    watch.close()
    await db.destroy()
    dismiss?.()
    await stop(isSilent)
  }
  try {
    await connectInTime(db, settings, logger, stopping?.signal)
    // The check takes two connections at once. The setting has four at least; a test of a command gives one.
    if (settings.databaseUrl !== undefined && settings.databaseConnections > 1) await checkOwnSessions(db)
  } catch (cause) {
    await close()
    throw explainDatabaseError(cause)
  }
  return { db, connection, close, cut: cutter.cut, stream: others.openStream, suspect: watch.suspect }
}

/** Tries again while the database server is away, as long as the operator wants to wait for it. */
async function connectInTime(
  db: Database,
  { databaseWaitSeconds = 0 }: DatabaseSettings,
  logger: Logger,
  signal: AbortSignal | undefined,
): Promise<void> {
  const endMs = performance.now() + databaseWaitSeconds * 1_000
  for (let isFirst = true; ; isFirst = false) {
    try {
      await db.connection().execute(() => Promise.resolve())
      return
    } catch (cause) {
      const { code, message } = explainDatabaseError(cause)
      if (code !== 'ERR_DATABASE_UNAVAILABLE' || performance.now() >= endMs) throw cause
      if (isFirst) logger.warn({ code }, `${message} Waiting for it for ${databaseWaitSeconds} seconds.`)
    }
    await sleep(waitPauseMs, undefined, signal && { signal })
  }
}

/** Acts when the grace is over. Answers the function that prevents it. */
function afterGrace({ signal, graceMs }: Stopping, act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer = setTimeout(act, graceMs)
  }
  if (signal.aborted) begin()
  else signal.addEventListener('abort', begin, { once: true })
  return () => {
    signal.removeEventListener('abort', begin)
    clearTimeout(timer)
  }
}

function refuseUnverified(url: string): void {
  let host: string | undefined
  try {
    host = unverifiedHost({ url })
  } catch (cause) {
    throw explainDatabaseError(cause)
  }
  if (host === undefined) return
  throw new KeyholdError('ERR_CONFIG_INVALID', {
    message:
      'KEYHOLD_DATABASE_URL names a PostgreSQL on another machine and does not verify it: add sslmode=verify-full, and sslrootcert=FILE for a private authority, or set KEYHOLD_ALLOW_UNVERIFIED_DATABASE=true where something else protects the connection.',
  })
}

interface Located {
  connection: DatabaseConnection
  stop: (isSilent: boolean) => Promise<void>
}

async function locate(settings: DatabaseSettings, logger: Logger): Promise<Located> {
  if (settings.databaseUrl !== undefined) {
    if (!settings.allowUnverifiedDatabase) refuseUnverified(settings.databaseUrl)
    return { connection: { url: settings.databaseUrl }, stop: () => Promise.resolve() }
  }
  const { replica } = settings
  if (replica?.database !== undefined) return { connection: replica.database, stop: () => Promise.resolve() }
  return runEmbedded(settings, logger)
}

/**
 * Runs the embedded PostgreSQL, for this process or for the replicas that it starts.
 *
 * @param replicas - how many connect to it
 */
export async function runEmbedded(
  settings: Pick<DatabaseSettings, 'dataDir' | 'databaseConnections'>,
  logger: Logger,
  replicas = 1,
): Promise<Located & { connection: PostgresConnection }> {
  const connections = replicas * (settings.databaseConnections + moreOfEach) + moreConnections - moreOfEach
  const embedded = await startEmbeddedPostgres({
    dataDir: settings.dataDir,
    settings: { max_connections: String(Math.max(minServerConnections, connections)) },
    log: (line) => {
      logger.debug({ postgres: line }, 'postgres')
    },
  })
  const file = connectionFile(settings)
  await writeFile(file, `${JSON.stringify(embedded.connection)}\n`, { mode: 0o600 })
  return {
    connection: embedded.connection,
    async stop(isSilent) {
      await rm(file, { force: true })
      await embedded.stop(isSilent)
    },
  }
}

/**
 * Like `connectDatabaseOfRunningServer`, but it starts and makes nothing. Undefined: no server runs the embedded PostgreSQL now.
 *
 * @throws KeyholdError the errors of `connectDatabase`
 */
export async function connectDatabaseToLook(
  settings: DatabaseSettings,
): Promise<ConnectedDatabase | undefined> {
  if (settings.databaseUrl !== undefined && !settings.allowUnverifiedDatabase)
    refuseUnverified(settings.databaseUrl)
  const connection =
    settings.databaseUrl === undefined ? await readConnectionFile(settings) : { url: settings.databaseUrl }
  if (connection === undefined) return undefined
  const db = openDatabase(connection, {
    // The look at sessions takes two.
    maxConnections: 2,
    applicationName: applicationName('command'),
    onError: () => undefined,
  })
  try {
    await db.connection().execute(() => Promise.resolve())
    if (settings.databaseUrl !== undefined) await checkOwnSessions(db)
  } catch (cause) {
    await db.destroy()
    // The file stays where a server was killed.
    if (settings.databaseUrl === undefined) return undefined
    throw explainDatabaseError(cause)
  }
  return { db, connection, close: () => db.destroy() }
}

/** Like `connectDatabase`, but beside a running server it uses the embedded PostgreSQL of that server. */
export async function connectDatabaseOfRunningServer(
  settings: DatabaseSettings,
  logger: Logger,
): Promise<ConnectedDatabase> {
  try {
    return await connectDatabase(settings, logger)
  } catch (error) {
    if (!isKeyholdError(error, 'ERR_DATA_DIR_IN_USE')) throw error
    const connection = await readConnectionFile(settings)
    if (connection === undefined) throw error
    const db = openDatabase(connection, {
      maxConnections: 1,
      applicationName: applicationName('command'),
      onError: () => undefined,
    })
    return { db, connection, close: () => db.destroy() }
  }
}

function connectionFile(settings: Pick<DatabaseSettings, 'dataDir'>): string {
  return path.join(settings.dataDir, 'postgres-connection.json')
}

const connectionForm = Compile(
  Type.Object({
    host: Type.String(),
    port: Type.Integer(),
    user: Type.String(),
    password: Type.String(),
    database: Type.String(),
  }),
)

async function readConnectionFile(settings: DatabaseSettings): Promise<DatabaseConnection | undefined> {
  try {
    const connection: unknown = JSON.parse(await readFile(connectionFile(settings), 'utf8'))
    return connectionForm.Check(connection) ? connection : undefined
  } catch {
    return undefined
  }
}
