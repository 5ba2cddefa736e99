// Writes a file that appears whole or not at all: it is written beside the target, synced, and then renamed.
import { randomUUID } from 'node:crypto'
import { link, lstat, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { KeyholdFileError } from './keyhold-file-error.ts'

export interface FileTarget {
  write(bytes: Uint8Array): Promise<void>
  /** Gives the file its name, once it is on disk for good. */
  complete(): Promise<void>
  /** Removes what was written. */
  discard(): Promise<void>
}

const flushBytes = 16 * 1_048_576

export interface FileTargetOptions {
  /** Whether a file that has the target's name is replaced. */
  overwrite: boolean
  /** Permissions of the new file. */
  mode: number
}

/** @throws KeyholdFileError `ERR_FILE_TARGET_EXISTS`; Node's own errors */
export async function openTarget(
  target: string,
  { overwrite, mode }: FileTargetOptions,
): Promise<FileTarget> {
  const folder = dirname(target)
  if (!overwrite && (await exists(target))) throw alreadyThere(target)
  const partial = join(folder, `.keyhold-${randomUUID()}.partial`)
  const handle = await open(partial, 'wx', mode)
  let unflushed = 0
  let isFlushing = false
  let flushing = Promise.resolve()

  /** Begins to bring it to the disk while more comes, so that little is left for the end. */
  function flushEarly(): void {
    if (unflushed < flushBytes || isFlushing) return
    unflushed = 0
    isFlushing = true
    flushing = handle.datasync().finally(() => {
      isFlushing = false
    })
    // The system tells of a disk that fails once: the next write, or the end, throws it.
    flushing.catch(() => undefined)
  }

  return {
    async write(bytes) {
      if (!isFlushing) await flushing
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, at, bytes.length - at)
        at += bytesWritten
      }
      unflushed += bytes.length
      flushEarly()
    },
    async complete() {
      await flushing
      await handle.sync()
      await handle.close()
      if (overwrite) await rename(partial, target)
      else await nameUnlessTaken(partial, target)
      await syncFolder(folder)
    },
    async discard() {
      await flushing.catch(() => undefined)
      await handle.close().catch(() => undefined)
      await rm(partial, { force: true })
    },
  }
}

// A link fails where a rename would replace the target. On file systems without links the look before must do.
async function nameUnlessTaken(partial: string, target: string): Promise<void> {
  try {
    await link(partial, target)
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || (await exists(target))) throw alreadyThere(target)
    await rename(partial, target)
    return
  }
  await rm(partial)
}

// lstat, because a link that leads nowhere counts, too.
async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

// Windows cannot open folders, and some file systems cannot sync them.
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(folder)
    await handle.sync()
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].includes(codeOf(error))) throw error
  } finally {
    await handle?.close()
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function alreadyThere(path: string): KeyholdFileError {
  return new KeyholdFileError('ERR_FILE_TARGET_EXISTS', 'the target exists already', path)
}
