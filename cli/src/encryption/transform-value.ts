// encrypt --value and decrypt --value: a value of up to 1 MiB, encrypted or decrypted by the server, byte for byte.
import type { TenantClient } from '@keyhold/client/node'
import { createReadStream } from 'node:fs'
import { CliError } from '../errors/cli-error.ts'
import { decodeInput } from '../input/decode-input.ts'
import { say } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import type { NamedFile, NamedFiles } from './file-problem.ts'
import { checkOutput, openOutput } from './output.ts'

export interface ValueTask extends NamedFiles {
  direction: 'encrypt' | 'decrypt'
  context: Record<string, string>
  force: boolean
  keyName: string | undefined
  trimNewline: boolean
  json: boolean
}

// A token is longer than its value. The server says exactly what is too long.
const longestInput = 2 * 1_048_576

export async function transformValue(
  shell: Shell,
  openTenant: () => Promise<TenantClient>,
  task: ValueTask,
  signal: AbortSignal,
): Promise<void> {
  const { direction, context, output, force, keyName, trimNewline, json } = task
  // A value for a terminal is checked once it is there.
  if (output !== undefined) await checkOutput(shell, output, force)
  const tenant = await openTenant()
  const read = await readAll(shell, task.input, signal)
  const write = (content: string | Uint8Array, mode: number) =>
    writeAll(shell, content, { output, force, mode })
  if (direction === 'encrypt') {
    const value = trimNewline ? withoutLineEnd(read) : read
    const token = await tenant.encrypt(value, { context, signal, ...(keyName !== undefined && { keyName }) })
    await write(`${json ? JSON.stringify({ token }) : token}\n`, 0o666)
    return
  }
  const value = await tenant.decrypt(decodeInput(read, task.input?.name ?? '-').trim(), { context, signal })
  if (json) {
    const plaintext = Buffer.from(value).toString('base64')
    await write(`${JSON.stringify({ plaintext })}\n`, 0o600)
  } else if (output === undefined && shell.stdout.isTTY) shell.stdout.write(`${textForTerminal(value)}\n`)
  else await write(value, 0o600)
}

async function readAll(shell: Shell, input: NamedFile | undefined, signal: AbortSignal): Promise<Buffer> {
  if (input === undefined && shell.stdin.isTTY) say(shell, 'reading standard input up to Ctrl+D')
  const source = input === undefined ? shell.stdin : createReadStream(input.path)
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

// Only the one line end that an editor or echo adds: more of them belong to the value.
function withoutLineEnd(value: Buffer): Buffer {
  if (value.at(-1) !== 0x0a) return value
  return value.subarray(0, value.at(-2) === 0x0d ? -2 : -1)
}

async function writeAll(
  shell: Shell,
  content: string | Uint8Array,
  { output, force, mode }: { output: NamedFile | undefined; force: boolean; mode: number },
): Promise<void> {
  const target = await openOutput(shell, output, force, mode)
  try {
    await target.write(typeof content === 'string' ? Buffer.from(content) : content)
    await target.complete()
  } catch (error) {
    await target.discard()
    throw error
  }
}

/** @throws CliError `usage` for a value that a terminal would not show, or would obey */
function textForTerminal(value: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
    if (!/[^\P{C}\n\t]/u.test(text)) return text.replace(/\n$/, '')
  } catch {
    // Not text at all.
  }
  const message = 'the value is not plain text, and standard output is a terminal'
  throw new CliError('usage', 'ERR_CLI_TERMINAL', message, {
    hint: 'name a file with --output, or pipe it into a program',
  })
}
