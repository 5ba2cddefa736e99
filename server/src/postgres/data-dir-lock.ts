// One Keyhold process per data directory. The kernel keeps the lock (SQLite holds POSIX record locks on an
// empty file), so a killed process never leaves it behind, a reused pid never keeps it, and two containers
// on one volume see each other. A file with a pid in it offers none of this, and Node itself has no file locks.
// Limit: POSIX drops a process's locks when that process closes any descriptor of the file. Nothing inside
// the process that holds the lock may therefore open `keyhold.lock`.

import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeyholdError } from '@keyhold/core/errors'

const sqliteBusy = 5
const sqliteCannotOpen = 14

/** How long a refused process waits until the holder has written its pid. */
const holderTimeoutMs = 500

// The garbage collector would release a lock whose object nothing refers to.
const heldLocks = new Set<DatabaseSync>()

/** The right to use a data directory, held until released or until the process ends. */
export interface DataDirLock {
  /** The data directory, absolute and without symbolic links. */
  readonly dataDir: string
  /** Frees the directory. Idempotent. */
  release(): Promise<void>
}

/**
 * Makes the data directory if it is missing (mode 0700) and takes the one lock on it.
 *
 * @throws KeyholdError ERR_DATA_DIR_IN_USE, with the other process's `pid` and `host` in its details, when
 *   another process, or another part of this one, holds the lock.
 * @throws KeyholdError ERR_CONFIG_INVALID when the directory cannot be made or written.
 */
export async function lockDataDir(path: string): Promise<DataDirLock> {
  const dataDir = await makeDataDir(path)
  const holderFile = join(dataDir, 'keyhold.pid')
  const database = takeLock(dataDir)
  if (database === undefined) throw await inUse(dataDir, holderFile)
  heldLocks.add(database)
  const release = async (): Promise<void> => {
    if (!heldLocks.delete(database)) return
    // The note is removed first: after the lock is free, the note may be the next holder's.
    await rm(holderFile, { force: true })
    database.close()
  }
  try {
    await chmod(join(dataDir, 'keyhold.lock'), 0o600)
    await writeHolder(holderFile)
  } catch (error) {
    await release().catch(() => undefined)
    throw unusable(dataDir, error)
  }
  return { dataDir, release }
}

async function makeDataDir(path: string): Promise<string> {
  try {
    // Only the data directory itself is private: the folders above it are not Keyhold's.
    await mkdir(dirname(resolve(path)), { recursive: true })
    await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
    return await realpath(path)
  } catch (error) {
    throw unusable(path, error)
  }
}

function takeLock(dataDir: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(dataDir, 'keyhold.lock'), { timeout: 0 })
    // Nothing is ever written, so a journal file would only lie about after a kill.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined
    if (errcode === sqliteBusy) return undefined
    throw unusable(dataDir, errcode === sqliteCannotOpen ? new Error('keyhold.lock cannot be opened') : error)
  }
}

/** Writes down who holds the lock, for people. Nothing depends on it. */
async function writeHolder(holderFile: string): Promise<void> {
  const unfinished = `${holderFile}.${randomUUID()}`
  await writeFile(unfinished, `${process.pid}\n${hostname()}\n`, { mode: 0o600 })
  await rename(unfinished, holderFile)
}

async function inUse(dataDir: string, holderFile: string): Promise<KeyholdError> {
  const deadline = performance.now() + holderTimeoutMs
  let holder = await readHolder(holderFile)
  // The holder may have taken the lock just now, and the note may still be its predecessor's.
  while (!isHere(holder) && performance.now() < deadline) {
    await sleep(20)
    holder = await readHolder(holderFile)
  }
  const who = holder === undefined ? 'Another process' : `Process ${holder.pid} on ${holder.host}`
  return new KeyholdError('ERR_DATA_DIR_IN_USE', {
    message: `${who} uses the data directory ${dataDir}. Stop that process, or choose another directory with KEYHOLD_DATA_DIR.`,
    details: { ...holder },
  })
}

interface Holder {
  pid: string
  host: string
}

async function readHolder(holderFile: string): Promise<Holder | undefined> {
  const text = await readFile(holderFile, 'utf8').catch(() => '')
  const [pid, host] = text.split('\n')
  return pid && host ? { pid, host } : undefined
}

function isHere(holder: Holder | undefined): boolean {
  if (holder === undefined) return false
  if (holder.host !== hostname()) return true
  try {
    return process.kill(Number(holder.pid), 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function unusable(path: string, cause: unknown): KeyholdError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KeyholdError('ERR_CONFIG_INVALID', {
    message: `The data directory ${resolve(path)} cannot be used: ${reason}. Give this user the right to write it, or choose another directory with KEYHOLD_DATA_DIR.`,
    cause,
  })
}
