// Where content goes: a new file, which appears whole or not at all, or standard output, which cannot be taken back.
import { randomUUID } from 'node:crypto'
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CliError } from '../errors/cli-error.ts'
import { sayWarning } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import { outputExists, type NamedFile } from './file-problem.ts'

export interface Output {
  write(bytes: Uint8Array): Promise<void>
  complete(): Promise<void>
  /** After a failure. */
  discard(): Promise<void>
}

/**
 * Checks the output before anything is asked or read.
 *
 * @throws CliError `usage` when the output exists already, cannot be replaced by a file, or is a terminal
 */
export async function checkOutput(shell: Shell, file: NamedFile | undefined, force: boolean): Promise<void> {
  if (file === undefined) {
    if (!shell.stdout.isTTY) return
    const message = 'standard output is a terminal, which shows no binary data'
    throw new CliError('usage', 'ERR_CLI_TERMINAL', message, {
      hint: 'name a file with --output, or pipe it into a program',
    })
  }
  const found = await lstat(file.path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isFile() && !found.isSymbolicLink())
    throw new CliError('usage', 'ERR_CLI_FILE', `${file.name} is not a file that could be replaced`)
  if (!force) throw outputExists(file.name)
}

/** @param mode - permissions of a new file */
export async function openOutput(
  shell: Shell,
  file: NamedFile | undefined,
  force: boolean,
  mode: number,
): Promise<Output> {
  return file === undefined ? standardOutput(shell) : newFile(file, force, mode)
}

function standardOutput(shell: Shell): Output {
  let written = 0
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        written += bytes.length
        shell.stdout.write(bytes, (error) => {
          if (error) reject(error)
          else resolve()
        })
      }),
    complete: () => Promise.resolve(),
    discard() {
      if (written > 0) sayWarning(shell, `the ${written} bytes on standard output are only a part`)
      return Promise.resolve()
    },
  }
}

async function newFile({ name, path }: NamedFile, force: boolean, mode: number): Promise<Output> {
  const partial = join(dirname(path), `.keyhold-${randomUUID()}.partial`)
  const handle = await open(partial, 'wx', mode)
  return {
    write: (bytes) => handle.writeFile(bytes),
    async complete() {
      await handle.sync()
      await handle.close()
      if (force) await rename(partial, path)
      else await renameUnlessTaken(partial, path, name)
    },
    async discard() {
      await handle.close().catch(() => undefined)
      await rm(partial, { force: true })
    },
  }
}

// A link fails where a rename would replace. Where the file system has no links, `checkOutput` has looked before.
async function renameUnlessTaken(partial: string, path: string, name: string): Promise<void> {
  try {
    await link(partial, path)
  } catch {
    if ((await lstat(path).catch(() => undefined)) !== undefined) throw outputExists(name)
    await rename(partial, path)
    return
  }
  await rm(partial)
}
