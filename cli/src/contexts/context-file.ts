// The file of contexts. It holds tokens: only its owner may read it, it is never followed through a link, and it is replaced as a
// whole, by one process at a time.
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { configFolder } from '../environment.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Shell } from '../shell.ts'
import { noContexts, parseContexts, writeOutContexts, type Contexts } from './parse-contexts.ts'

const maxBytes = 1_048_576
const lockPauseMs = 25
const lockPatienceMs = 3_000
const forOthers = 0o077
const writableByOthers = 0o022
const hasModes = process.platform !== 'win32'

/** Undefined: this shell has neither XDG_CONFIG_HOME nor a home. */
export function contextFile(shell: Pick<Shell, 'env'>): string | undefined {
  const folder = configFolder(shell)
  return folder === undefined ? undefined : join(folder, 'keyhold', 'contexts.json')
}

/**
 * The contexts; none where there is no file.
 *
 * @throws CliError `configuration` with `ERR_CLI_CONTEXT_FILE` for a file that cannot be trusted or read
 */
export async function readContexts(shell: Pick<Shell, 'env'>): Promise<Contexts> {
  const file = contextFile(shell)
  if (file === undefined) return noContexts()
  const bytes = await readTrusted(file)
  if (bytes === undefined) return noContexts()
  try {
    return parseContexts(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    const what = cause instanceof TypeError ? 'is not text in UTF-8' : (cause as Error).message
    throw refused(file, what, 'correct it, or remove it and make the contexts again', cause)
  }
}

/**
 * Changes the contexts, while no other keyhold does.
 *
 * @param change - works on the contexts as they are now; what it throws leaves the file alone
 */
export async function changeContexts(
  shell: Pick<Shell, 'env'>,
  change: (contexts: Contexts) => void,
): Promise<string> {
  const file = contextFile(shell)
  if (file === undefined) {
    throw new CliError('configuration', 'ERR_CLI_CONTEXT_FILE', 'there is no place for contexts', {
      hint: 'set HOME or XDG_CONFIG_HOME',
    })
  }
  const folder = dirname(file)
  await makeFolder(folder)
  const unlock = await lock(`${file}.lock`)
  try {
    const contexts = await readContexts(shell)
    change(contexts)
    await replace(file, writeOutContexts(contexts))
  } finally {
    await unlock()
  }
  return file
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw refused(folder, `cannot be made (${codeOf(cause)})`, 'give yourself access to it', cause)
  }
  await checkFolder(folder)
}

/** Who can write to the folder can put another file there, and so choose the server that gets the next token. */
async function checkFolder(folder: string): Promise<void> {
  if (!hasModes) return
  const { mode, uid } = await stat(folder)
  if (!isOwn(uid)) throw refused(folder, 'belongs to another user', 'use a folder of your own')
  if ((mode & writableByOthers) !== 0)
    throw refused(folder, 'can be changed by other users', `chmod 700 ${folder}`)
}

async function readTrusted(file: string): Promise<Uint8Array | undefined> {
  let handle: FileHandle
  try {
    // Opening a named pipe would wait for its writer.
    handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW || 0) | (constants.O_NONBLOCK || 0))
  } catch (cause) {
    const code = codeOf(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'ELOOP')
      throw refused(file, 'is a symbolic link', 'put the file itself there, or set XDG_CONFIG_HOME', cause)
    throw refused(file, `cannot be read (${code})`, 'give yourself access to it', cause)
  }
  try {
    const { mode, uid, size, isFile } = await handle.stat().then((found) => ({
      ...{ mode: found.mode, uid: found.uid, size: found.size, isFile: found.isFile() },
    }))
    if (!isFile) throw refused(file, 'is not a file', 'remove it')
    if (hasModes && !isOwn(uid)) throw refused(file, 'belongs to another user', 'remove it, or take it over')
    if (hasModes && (mode & forOthers) !== 0)
      throw refused(
        file,
        'holds tokens, and other users of this machine can use it',
        `chmod 600 ${file}, and replace its tokens`,
      )
    if (size > maxBytes) throw refused(file, 'is too large', 'remove it')
    await checkFolder(dirname(file))
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

async function replace(file: string, text: string): Promise<void> {
  const partial = `${file}.${randomUUID()}.partial`
  try {
    const handle = await open(partial, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(partial, file)
  } catch (cause) {
    await rm(partial, { force: true })
    throw refused(file, `cannot be written (${codeOf(cause)})`, 'make room, or give yourself access', cause)
  }
}

/**
 * The lock is held for milliseconds, and nobody breaks that of another process: two could break it at once, and the second one
 * that of the first.
 */
async function lock(file: string): Promise<() => Promise<void>> {
  const start = performance.now()
  for (;;) {
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.close()
      return () => rm(file, { force: true })
    } catch (cause) {
      if (codeOf(cause) !== 'EEXIST')
        throw refused(file, `cannot be made (${codeOf(cause)})`, 'give yourself access to its folder', cause)
      if (performance.now() - start > lockPatienceMs) {
        throw new CliError('conflict', 'ERR_CLI_CONTEXT_LOCKED', 'another keyhold is changing the contexts', {
          cause,
          hint: `if there is none, one was killed: remove ${file}`,
        })
      }
      await sleep(lockPauseMs)
    }
  }
}

function isOwn(uid: number): boolean {
  const own = process.geteuid?.()
  return own === undefined || uid === own || uid === 0
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
}

function refused(file: string, what: string, hint: string, cause?: unknown): CliError {
  return new CliError('configuration', 'ERR_CLI_CONTEXT_FILE', `${file} ${what}`, { hint, cause })
}
