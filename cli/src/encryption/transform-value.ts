// encrypt --value and decrypt --value: a value of up to 1 MiB, by the server, as it comes and goes: byte for byte.
import type { TenantClient } from '@keyhold/client/node'
import { createReadStream } from 'node:fs'
import { CliError } from '../errors/cli-error.ts'
import { say } from '../output/say.ts'
import type { NamedFiles } from './file-problem.ts'
import { checkOutput, openOutput } from './output.ts'

export interface ValueTask extends NamedFiles {
  direction: 'encrypt' | 'decrypt'
  context: Record<string, string>
  force: boolean
  keyName: string | undefined
  trimNewline: boolean
  json: boolean
}

// A token is longer than its value; the server says exactly what is too long.
const longestInput = 2 * 1_048_576

export async function transformValue(
  openTenant: () => Promise<TenantClient>,
  task: ValueTask,
  signal: AbortSignal,
): Promise<void> {
  const { direction, context, output, force, keyName, trimNewline, json } = task
  // What goes to a terminal is looked at when it is there.
  if (output !== undefined) await checkOutput(output, force)
  const tenant = await openTenant()
  const read = await readAll(task.input, signal)
  if (direction === 'encrypt') {
    const value = trimNewline ? withoutLineEnd(read) : read
    const token = await tenant.encrypt(value, { context, signal, ...(keyName !== undefined && { keyName }) })
    await write(`${json ? JSON.stringify({ token }) : token}\n`, output, force, 0o666)
    return
  }
  const value = await tenant.decrypt(read.toString().trim(), { context, signal })
  if (json) {
    const plaintext = Buffer.from(value).toString('base64')
    await write(`${JSON.stringify({ plaintext })}\n`, output, force, 0o600)
  } else if (output === undefined && process.stdout.isTTY) console.log(textForTerminal(value))
  else await write(value, output, force, 0o600)
}

async function readAll(input: string | undefined, signal: AbortSignal): Promise<Buffer> {
  if (input === undefined && process.stdin.isTTY) say('reading standard input up to Ctrl+D')
  const source = input === undefined ? process.stdin : createReadStream(input)
  const end = (): void => {
    source.destroy(signal.reason instanceof Error ? signal.reason : undefined)
  }
  signal.addEventListener('abort', end)
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > longestInput) {
        throw new CliError('usage', 'ERR_ITEM_TOO_LARGE', 'a value has at most 1 MiB', {
          hint: 'without --value, files of any size are encrypted and decrypted',
        })
      }
      pieces.push(piece)
    }
  } finally {
    signal.removeEventListener('abort', end)
  }
  return Buffer.concat(pieces)
}

// One line end, not all of them: what is more than the one that an editor or echo adds belongs to the value.
function withoutLineEnd(value: Buffer): Buffer {
  if (value.at(-1) !== 0x0a) return value
  return value.subarray(0, value.at(-2) === 0x0d ? -2 : -1)
}

async function write(
  content: string | Uint8Array,
  output: string | undefined,
  force: boolean,
  mode: number,
): Promise<void> {
  const target = await openOutput(output, force, mode)
  try {
    await target.write(typeof content === 'string' ? Buffer.from(content) : content)
    await target.complete()
  } catch (error) {
    await target.discard()
    throw error
  }
}

/** @throws CliError `usage` for what a terminal would not show, or would obey */
function textForTerminal(value: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
    if (!/[^\P{C}\n\t]/u.test(text)) return text.replace(/\n$/, '')
  } catch {
    // Not text at all.
  }
  throw new CliError(
    'usage',
    'ERR_CLI_TERMINAL',
    'the value is no plain text, and standard output a terminal',
    {
      hint: 'name a file with --output, or pipe it into a program',
    },
  )
}
