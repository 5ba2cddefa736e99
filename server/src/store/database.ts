// The connection to PostgreSQL, and the settings without which a committed key could be lost.
import { KeyholdError } from '@keyhold/core'
import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Socket } from 'node:net'
import pg from 'pg'
import {
  connectionLimits,
  createConnectionShares,
  type ConnectionShares,
} from './connections/connection-shares.ts'
import { pinnedConfig, type DatabaseConnection } from '../driver/pinned-client.ts'
import { sharePool } from './connections/shared-pool.ts'
import type { Tables } from './tables.ts'

// A replica that stands still in a transaction, or a server that has fallen silent, must not hold up the others for
// ever. Statements have enough time to read a million rows from a cold disk. The driver's own limit is the last resort.
const connectTimeoutMs = 5_000
const lockTimeoutMs = 5_000
const idleInTransactionTimeoutMs = 15_000
const statementTimeoutMs = 30_000
const queryTimeoutMs = 35_000
// Requests that wait for their turn wait in memory. Who waits for longer is told so, while the client still listens.
const maxTurnWaitMs = 5_000
const maxWaitingTurns = 1_000

/** A handle for queries: the pool, or one transaction. */
export type Database = Kysely<Tables>

export { isDatabaseUnavailable } from '../driver/is-database-unavailable.ts'
export type { DatabaseConnection } from '../driver/pinned-client.ts'

const minServerVersion = 140_000

// Counters and epochs stay far below 2^53; the driver's default is text.
const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, Number)

export interface OpenDatabaseOptions {
  /** One tenant gets a share of them. */
  maxConnections: number
  applicationName: string
  /** Receives the error of an idle connection that is lost. */
  onError: (error: Error) => void
  /** Makes the sockets of connections; the driver's own by default. */
  stream?: () => Socket
}

/** Opens a pool; nothing is connected yet. */
export function openDatabase(connection: DatabaseConnection, options: OpenDatabaseOptions): Database {
  const pool = new pg.Pool({
    ...pinnedConfig(connection, options.applicationName),
    ...(options.stream !== undefined && { stream: options.stream }),
    max: options.maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    lock_timeout: lockTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: queryTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
    types,
  })
  pool.on('error', options.onError)
  // A connection that is lost between two statements of a transaction emits an error that would end the process. Its
  // user meets the loss with the next statement.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const shares = createConnectionShares({
    limits: connectionLimits(options.maxConnections),
    maxWaitMs: maxTurnWaitMs,
    maxWaiting: maxWaitingTurns,
  })
  const dialect = new PostgresDialect({ pool: sharePool(pool, shares) })
  const db = new Kysely<Tables>({ dialect }).withSchema('keyhold')
  pools.set(db, { pool, shares })
  return db
}

const pools = new WeakMap<Database, { pool: pg.Pool; shares: ConnectionShares }>()

/** The current use of a pool's connections. */
export function poolCounts(db: Database): { busy: number; idle: number; waiting: number } {
  const { pool, shares } = pools.get(db) ?? {}
  const { totalCount = 0, idleCount = 0, waitingCount = 0 } = pool ?? {}
  return { busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount + (shares?.waiting() ?? 0) }
}

/**
 * Refuses a server on which a crash may lose commits: a customer's data would be lost with the key.
 *
 * @throws KeyholdError `ERR_DATABASE_UNSAFE`, `ERR_DATABASE_UNSUPPORTED`
 */
export async function checkDatabaseSafety(db: Database): Promise<void> {
  const { rows } = await sql<{ name: string; setting: string }>`
    select name, setting from pg_settings
    where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'server_version_num')`.execute(db)
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]))
  if (!(Number(settings.get('server_version_num')) >= minServerVersion)) {
    throw new KeyholdError('ERR_DATABASE_UNSUPPORTED', { message: 'Keyhold needs PostgreSQL 14 or later.' })
  }
  for (const name of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    if (settings.get(name) === 'off') {
      throw new KeyholdError('ERR_DATABASE_UNSAFE', {
        message: `PostgreSQL runs with ${name}=off, so a crash can lose committed keys: set ${name}=on and start again.`,
      })
    }
  }
}

const uniqueViolation = '23505'

/** Whether a statement failed on the unique constraint or index of that name. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return (
    error instanceof pg.DatabaseError && error.code === uniqueViolation && error.constraint === constraint
  )
}

const undefinedTable = '42P01'
const undefinedColumn = '42703'

/** Whether a statement failed because the schema migrations of this version have not run. */
export function isMissingTable(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError && (error.code === undefinedTable || error.code === undefinedColumn)
  )
}
