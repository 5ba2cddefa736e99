// The private folder (0700) of PostgreSQL's socket, the only door to the embedded database.

import { lstat, mkdir, mkdtemp, readlink, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { giveTo, type Account } from './account.ts'

/** PostgreSQL names its socket after this number; nothing listens on a TCP port. */
export const socketPort = 5432

// sun_path holds 104 bytes on macOS and 108 on Linux, including the byte that ends the text.
const maxSocketPathBytes = 103

const temporaryPrefix = 'keyhold-socket-'

/** The socket's folder. Each start makes a new one. */
export interface SocketDir {
  readonly path: string
  remove(): Promise<void>
}

/**
 * Makes the folder beside the cluster or, if that path is too long for a socket, in the system's temporary folder.
 * A link beside the cluster then leads there, so that the next start can remove the folder of a killed process.
 * Call it only when no PostgreSQL of this cluster runs.
 */
export async function createSocketDir(parent: string, account: Account): Promise<SocketDir> {
  const beside = join(parent, 'postgres-socket')
  await removeSocketDir(beside)
  if (fits(beside)) {
    await mkdir(beside, { mode: 0o700 })
    await giveTo(account, beside)
    return { path: beside, remove: () => removeSocketDir(beside) }
  }
  const temporary = await mkdtemp(join(await shortTemporaryDir(), temporaryPrefix))
  await giveTo(account, temporary)
  await symlink(temporary, beside)
  return { path: temporary, remove: () => removeSocketDir(beside) }
}

/** Removes the sockets of a PostgreSQL that was killed: their lock files could name a pid in use again. */
export async function clearSocketDir(path: string): Promise<void> {
  const socket = join(path, `.s.PGSQL.${socketPort}`)
  await rm(socket, { force: true })
  await rm(`${socket}.lock`, { force: true })
}

async function removeSocketDir(beside: string): Promise<void> {
  const found = await lstat(beside).catch(() => undefined)
  if (found?.isSymbolicLink()) {
    const temporary = await readlink(beside)
    const target = await lstat(temporary).catch(() => undefined)
    // Everybody can write to the temporary folder: remove only a folder with our prefix there.
    if (target?.isDirectory() && basename(temporary).startsWith(temporaryPrefix)) {
      await rm(temporary, { recursive: true, force: true })
    }
  }
  await rm(beside, { recursive: true, force: true })
}

async function shortTemporaryDir(): Promise<string> {
  const temporary = await realpath(tmpdir()).catch(() => '/tmp')
  return fits(join(temporary, `${temporaryPrefix}123456`)) ? temporary : '/tmp'
}

function fits(path: string): boolean {
  return Buffer.byteLength(join(path, `.s.PGSQL.${socketPort}`)) <= maxSocketPathBytes
}
