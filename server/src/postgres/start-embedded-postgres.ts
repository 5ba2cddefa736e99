// Starts the PostgreSQL that comes with Keyhold, on a data directory of its own, and keeps it running.
// The only door of this room; `lockDataDir` is the other file that may be used without it.

import { lstat, readdir, realpath, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isKeyholdError } from '@keyhold/core/errors'
import { choosePlace, type Place } from './choose-place.ts'
import {
  passwordFile,
  randomPassword,
  readPassword,
  resetPassword,
  writePassword,
} from './cluster-password.ts'
import { createCluster } from './create-cluster.ts'
import { lockDataDir, type DataDirLock } from './data-dir-lock.ts'
import { embeddedPostgresError, isSystemError, reasonOf } from './embedded-postgres-error.ts'
import { ensureDatabase, isPasswordRefused, type PostgresConnection } from './ensure-database.ts'
import { findBinaries } from './find-binaries.ts'
import { restoreLinks } from './restore-links.ts'
import { runServer } from './run-server.ts'
import { serverArguments } from './server-settings.ts'
import { createSocketDir, socketPort } from './socket-dir.ts'
import { stopLeftovers } from './stop-leftovers.ts'
import { syncFolder } from './sync-folder.ts'

const user = 'keyhold'

export interface EmbeddedPostgresOptions {
  /** Keyhold's data directory, made if it is missing. The cluster is `postgres` in it. */
  dataDir: string
  /** Receives each line of the server's log, and of the supervisor's. */
  log: (line: string) => void
  /** PostgreSQL settings that differ from Keyhold's. They cannot change who may connect. */
  settings?: Readonly<Record<string, string>>
  /** The lock on the data directory, if the caller holds it already. The caller then releases it. */
  lock?: DataDirLock
  /** The folder with PostgreSQL's `bin`, `lib` and `share`. Defaults to the one that npm installed. */
  binaries?: string
  /** For root: how to avoid running PostgreSQL as root. Defaults to whatever works, a namespace first. */
  rootStrategy?: 'namespace' | 'user'
  /** For root: the folder for cluster and programs that the other user cannot reach otherwise. */
  sharedDir?: string
}

/** A running PostgreSQL with the database `keyhold`. */
export interface EmbeddedPostgres {
  /** For `new pg.Pool(connection)`. */
  readonly connection: PostgresConnection
  /**
   * Ends the server within eight seconds, whoever is connected, and frees the data directory. Idempotent.
   *
   * @param isSilent - it answers nothing any more: it gets two seconds
   */
  stop(isSilent?: boolean): Promise<void>
}

/**
 * Starts PostgreSQL and returns when it lets Keyhold in. A server that a killed Keyhold left behind is stopped first.
 *
 * @throws KeyholdError ERR_DATA_DIR_IN_USE when another process uses the data directory.
 * @throws KeyholdError ERR_CONFIG_INVALID when the data directory cannot be written.
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES with PostgreSQL's own reason for every other failure.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const cleanups: Cleanup[] = []
  const cleanUp = async (isSilent = false): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) {
      // The lock comes last, and it must be released even if something fails before.
      await cleanup(isSilent).catch((error: unknown) => {
        options.log(`embedded PostgreSQL: ${reasonOf(error)}`)
      })
    }
  }
  let stopping: Promise<void> | undefined
  try {
    const lock = options.lock ?? (await lockDataDir(options.dataDir))
    if (options.lock === undefined) cleanups.push(() => lock.release())
    const connection = await start(options, lock.dataDir, cleanups)
    return { connection, stop: (isSilent) => (stopping ??= cleanUp(isSilent)) }
  } catch (error) {
    await cleanUp()
    if (isKeyholdError(error)) throw error
    throw embeddedPostgresError(
      `The embedded PostgreSQL could not be started: ${reasonOf(error)}.`,
      'If another user ran Keyhold here before, run it as that user.',
      error,
    )
  }
}

type Cleanup = (isSilent: boolean) => Promise<void>

async function start(
  options: EmbeddedPostgresOptions,
  dataDir: string,
  cleanups: Cleanup[],
): Promise<PostgresConnection> {
  const { log, settings = {}, sharedDir = '/var/lib/keyhold', rootStrategy } = options
  const existing = await findCluster(dataDir)
  if (existing !== undefined) await stopLeftovers(existing, log)

  const found = options.binaries ?? findBinaries()
  await restoreLinks(found)
  const place = await choosePlace({
    dataDir,
    cluster: existing,
    binaries: found,
    rootStrategy,
    sharedDir,
    log,
  })
  const password = await takePassword(dataDir, place, existing)
  const cluster = existing ?? (await makeCluster(dataDir, place, password, settings.fsync !== 'off'))

  // The log says so at every start: a backup of the data directory does not hold everything.
  if (dirname(cluster) !== dataDir) log(`embedded PostgreSQL: the database is in ${cluster}`)
  const { account, binaries } = place
  const socketDir = await createSocketDir(place.parent, account)
  cleanups.push(() => socketDir.remove())
  const server = await runServer({
    account,
    binaries,
    cluster,
    socketDir: socketDir.path,
    serverArguments: serverArguments(cluster, socketDir.path, settings),
    log,
  })
  cleanups.push((isSilent) => server.stop(isSilent))
  const connection = { host: socketDir.path, port: socketPort, user, password, database: 'keyhold' }
  await ensureDatabase(connection, existing === undefined).catch((cause: unknown) => {
    const advice = isPasswordRefused(cause)
      ? `Restore the file ${passwordFile(dataDir)}, or remove it, and start again: Keyhold then sets a new password.`
      : 'Correct this and start again.'
    throw embeddedPostgresError(
      `The embedded PostgreSQL does not let Keyhold in: ${reasonOf(cause)}.`,
      advice,
      cause,
    )
  })
  return connection
}

/** The cluster's true path, or `undefined` before the first start. */
async function findCluster(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, 'postgres')
  try {
    const cluster = await realpath(path)
    if ((await readdir(cluster)).length === 0) return undefined
    await stat(join(cluster, 'PG_VERSION'))
    return cluster
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error
    const entry = await lstat(path).catch(() => undefined)
    if (entry === undefined) return undefined
    // A new cluster here would hide that the old one, with all its keys, is missing.
    throw embeddedPostgresError(
      `${path} is not a database cluster, or links to one that is gone.`,
      'Restore it from a backup, or move it away to begin with an empty database.',
    )
  }
}

async function takePassword(dataDir: string, place: Place, cluster: string | undefined): Promise<string> {
  const known = await readPassword(dataDir)
  if (known !== undefined) return known
  const password = randomPassword()
  // The password is set first and written second: after a kill in between there is no file, and the next start sets it
  // again.
  if (cluster !== undefined) await resetPassword(place.account, place.binaries, cluster, user, password)
  await writePassword(dataDir, password)
  return password
}

async function makeCluster(dataDir: string, place: Place, password: string, sync: boolean): Promise<string> {
  const path = join(place.parent, 'postgres')
  await createCluster({ account: place.account, binaries: place.binaries, path, user, password, sync })
  if (dirname(path) !== dataDir) {
    await symlink(path, join(dataDir, 'postgres'))
    await syncFolder(dataDir)
  }
  return path
}
