// The options of encrypt and decrypt, and what they mean.
import { InvalidArgumentError, type Command } from 'commander'

export interface EncryptionOptions {
  output?: string
  context?: Record<string, string>
  tenant?: string
  force?: true
  value?: true
  file?: string
  /** Of encrypt alone. */
  keyName?: string
  trimNewline?: true
  /** Of decrypt alone. */
  range?: ByteRange
}

/** As HTTP's: from `first` to `last`, or to the end, both included; or the last so many bytes. */
export type ByteRange = { first: number; last: number | undefined } | { lengthFromEnd: number }

export function addEncryptionOptions(command: Command): Command {
  return command
    .argument('[file]', 'the file, pipe or device; standard input when it is left out or -')
    .option('-o, --output <path>', 'the file to make; standard output when it is left out or -')
    .option('--force', 'replace the output when it exists')
    .option('--context <key=value>', 'what the content is bound to; repeatable', addContext)
    .option('--tenant <id>', 'the tenant, for tokens that are bound to none')
    .option('--value', 'a value instead of a file: from standard input, or from --file')
    .option('-f, --file <path>', 'where to read the value of --value')
}

function addContext(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be key=value.')
  const key = text.slice(0, at)
  if (Object.hasOwn(previous, key)) throw new InvalidArgumentError(`The key ${key} is there twice.`)
  return { ...previous, [key]: text.slice(at + 1) }
}

/** `0-499`, `500-` and `-500`. */
export function parseRange(text: string): ByteRange {
  const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(text) ?? []
  const numbers = [first, last].filter((part) => part !== '').map(Number)
  const [from = 0, to = from] = numbers
  // One byte more than the last must be a number, too.
  if (numbers.length === 0 || !numbers.every((each) => each < Number.MAX_SAFE_INTEGER) || to < from) {
    throw new InvalidArgumentError('It must be FIRST-LAST, FIRST- or -LENGTH, in bytes from 0.')
  }
  if (first === '') return { lengthFromEnd: Number(last) }
  return { first: from, last: last === '' ? undefined : to }
}

/** A path, or undefined for standard input and output. */
export function pathUnlessStandard(path: string | undefined): string | undefined {
  return path === '-' ? undefined : path
}
