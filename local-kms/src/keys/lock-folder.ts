// Lets one process at a time use a state folder: two would overwrite each other's keys.
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const held = new Set<string>()

/**
 * Answers the function that releases the folder.
 *
 * @throws Error when the folder is in use
 */
export function lockFolder(folder: string): () => void {
  const lock = join(folder, 'lock')
  const claim = join(folder, `lock.${process.pid}.tmp`)
  writeFileSync(claim, String(process.pid), { mode: 0o600 })
  try {
    removeStale(lock, folder)
    // A hard link either makes the lock with its content or fails: no reader ever sees it empty.
    linkSync(claim, lock)
  } catch (cause) {
    throw new Error(`${folder} is in use by another local-kms (if there is none, delete ${lock})`, { cause })
  } finally {
    rmSync(claim, { force: true })
  }
  held.add(folder)
  return () => {
    if (held.delete(folder)) rmSync(lock, { force: true })
  }
}

// After kill -9 the lock names a process that is gone, or, in a container, a number that is now our own.
function removeStale(lock: string, folder: string): void {
  let owner: number
  try {
    owner = Number(readFileSync(lock, 'utf8'))
  } catch {
    return
  }
  const isHeld = owner === process.pid ? held.has(folder) : isAlive(owner)
  if (!isHeld) rmSync(lock, { force: true })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM'
  }
}
