// Where content goes: a new file, which appears whole or not at all, or standard output, where what is written is gone.
import { randomUUID } from 'node:crypto'
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CliError } from '../errors/cli-error.ts'
import { sayWarning } from '../output/say.ts'
import { outputExists } from './file-problem.ts'

export interface Output {
  write(bytes: Uint8Array): Promise<void>
  complete(): Promise<void>
  /** After a failure. */
  discard(): Promise<void>
}

/**
 * Before anything is asked or read.
 *
 * @throws CliError `usage` when the output is there already, or could not be replaced by a file, or is a terminal
 */
export async function checkOutput(path: string | undefined, force: boolean): Promise<void> {
  if (path === undefined) {
    if (!process.stdout.isTTY) return
    throw new CliError(
      'usage',
      'ERR_CLI_TERMINAL',
      'standard output is a terminal, which shows no binary data',
      {
        hint: 'name a file with --output, or pipe it into a program',
      },
    )
  }
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isFile() && !found.isSymbolicLink())
    throw new CliError('usage', 'ERR_CLI_FILE', `${path} is not a file that could be replaced`)
  if (!force) throw outputExists(path)
}

/** @param mode - permissions of a new file */
export async function openOutput(path: string | undefined, force: boolean, mode: number): Promise<Output> {
  return path === undefined ? standardOutput() : newFile(path, force, mode)
}

function standardOutput(): Output {
  let written = 0
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        written += bytes.length
        process.stdout.write(bytes, (error) => {
          if (error) reject(error)
          else resolve()
        })
      }),
    complete: () => Promise.resolve(),
    discard() {
      if (written > 0) sayWarning(`the ${written} bytes on standard output are only a part`)
      return Promise.resolve()
    },
  }
}

async function newFile(path: string, force: boolean, mode: number): Promise<Output> {
  const partial = join(dirname(path), `.keyhold-${randomUUID()}.partial`)
  const handle = await open(partial, 'wx', mode)
  return {
    write: (bytes) => handle.writeFile(bytes),
    async complete() {
      await handle.sync()
      await handle.close()
      if (force) await rename(partial, path)
      else await nameUnlessTaken(partial, path)
    },
    async discard() {
      await handle.close().catch(() => undefined)
      await rm(partial, { force: true })
    },
  }
}

// A link fails where a rename would replace. File systems without links had the look beforehand.
async function nameUnlessTaken(partial: string, path: string): Promise<void> {
  try {
    await link(partial, path)
  } catch {
    if ((await lstat(path).catch(() => undefined)) !== undefined) throw outputExists(path)
    await rename(partial, path)
    return
  }
  await rm(partial)
}
