// JSON from a file or from standard input.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { CliError } from '../errors/cli-error.ts'
import type { Shell } from '../shell.ts'

/** @throws CliError `usage` when the file cannot be read or holds no JSON */
export async function readJson({ cwd, stdin }: Shell, file: string): Promise<unknown> {
  let content: string
  try {
    content = await (file === '-' ? text(stdin) : readFile(resolve(cwd, file), 'utf8'))
  } catch (cause) {
    throw new CliError('usage', 'ERR_CLI_FILE', `cannot read ${file}`, { cause })
  }
  try {
    return JSON.parse(content)
  } catch (cause) {
    throw new CliError('usage', 'ERR_CLI_FILE', `${file === '-' ? 'standard input' : file} holds no JSON`, {
      cause,
    })
  }
}
