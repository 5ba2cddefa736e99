// JSON from a file or from standard input.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { CliError } from '../errors/cli-error.ts'
import type { Shell } from '../shell.ts'
import { decodeInput } from './decode-input.ts'

/** @throws CliError `usage` when the file cannot be read or holds no JSON */
export async function readJson({ cwd, stdin }: Shell, file: string): Promise<unknown> {
  let content: Uint8Array
  try {
    content = await (file === '-' ? buffer(stdin) : readFile(resolve(cwd, file)))
  } catch (cause) {
    throw new CliError('usage', 'ERR_CLI_FILE', `cannot read ${file}`, { cause })
  }
  const text = decodeInput(content, file)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CliError('usage', 'ERR_CLI_FILE', `${file === '-' ? 'standard input' : file} holds no JSON`, {
      cause,
    })
  }
}
