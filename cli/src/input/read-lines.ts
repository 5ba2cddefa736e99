// A file line by line, however large it is. Strict, for files that programs write and nobody edits: UTF-8 without a byte order
// mark, lines that end with LF alone, none of them endless.
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from '../errors/cli-error.ts'
import type { Shell } from '../shell.ts'

export interface Line {
  text: string
  /** Names it in errors: `line 3 of chain.ndjson`. */
  place: string
}

/** Many times what the longest line needs that a server writes. */
const maxLineBytes = 4 * 1_024 * 1_024
const lineFeed = 0x0a
const carriageReturn = 0x0d

/** The name of an input in errors. */
export function inputName(file: string): string {
  return file === '-' ? 'standard input' : file
}

/**
 * @param file - `-`: standard input
 * @throws CliError `usage` with `ERR_CLI_FILE` when it cannot be read, or `ERR_CLI_AUDIT_FILE` when it is no such file
 */
export async function* readLines({ cwd, stdin }: Shell, file: string): AsyncGenerator<Line> {
  const name = inputName(file)
  const stream: AsyncIterable<Uint8Array> = file === '-' ? stdin : createReadStream(resolve(cwd, file))
  let number = 0
  let pieces: Uint8Array[] = []
  let bytes = 0

  function take(piece: Uint8Array): void {
    bytes += piece.length
    if (bytes > maxLineBytes) throw refused(`line ${number + 1} of ${name} is longer than 4 MiB`)
    pieces.push(piece)
  }

  function line(): Line {
    number += 1
    const place = `line ${number} of ${name}`
    const whole = Buffer.concat(pieces)
    pieces = []
    bytes = 0
    return { text: decode(whole, place), place }
  }

  try {
    for await (const chunk of stream) {
      let rest = chunk
      for (let end = rest.indexOf(lineFeed); end >= 0; end = rest.indexOf(lineFeed)) {
        take(rest.subarray(0, end))
        yield line()
        rest = rest.subarray(end + 1)
      }
      take(rest)
    }
  } catch (cause) {
    if (cause instanceof CliError || !(cause instanceof Error) || !('syscall' in cause)) throw cause
    throw new CliError('usage', 'ERR_CLI_FILE', `cannot read ${name}`, { cause })
  }
  if (bytes > 0) throw refused(`line ${number + 1} of ${name} is cut off: it has no end`)
}

function decode(bytes: Uint8Array, place: string): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw refused(`${place} begins with a byte order mark: a program has saved the file anew`)
  if (bytes.at(-1) === carriageReturn)
    throw refused(`${place} ends with CR LF: a program has changed the ends of the lines`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw refused(`${place} is not text in UTF-8`)
  }
}

function refused(message: string): CliError {
  return new CliError('usage', 'ERR_CLI_AUDIT_FILE', message, {
    hint: 'bring the file here without any change of its bytes',
  })
}
