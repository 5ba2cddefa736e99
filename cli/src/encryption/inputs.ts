// The inputs of encrypt and decrypt, and what they mean.
import { InvalidArgumentError } from 'commander'
import { resolve } from 'node:path'
import type { Shell } from '../shell.ts'
import { flag, option, optionalArgument } from '../table/input.ts'
import type { NamedFile } from './file-problem.ts'

/** As in HTTP: from `first` to `last`, or to the end, both included; or so many bytes at the end. */
export type ByteRange = { first: number; last: number | undefined } | { lengthFromEnd: number }

export const encryptionInputs = {
  input: optionalArgument('[file]', 'file, pipe or device; standard input when it is left out or -'),
  output: option('-o, --output <path>', 'the file to make; standard output when it is left out or -'),
  force: flag('--force', 'replace the output when it exists'),
  // Every command has a --context: it is read there.
  context: option('--context <key=value>', 'context that the content is bound to; repeatable'),
  tenant: option('--tenant <id>', 'the tenant, for tokens that are bound to none'),
  value: flag('--value', 'a value instead of a file: from standard input, or from --file'),
  file: option('-f, --file <path>', 'with --value: the file that holds the value'),
}

export const inputsOfEncrypt = {
  ...encryptionInputs,
  keyName: option('--key-name <name>', 'with --value: the name of the key'),
  trimNewline: flag('--trim-newline', 'with --value: leave out one line end at the end of the input'),
}

export const inputsOfDecrypt = {
  ...encryptionInputs,
  range: option(
    '--range <first-last>',
    'only these bytes of the content, as 0-499, 500- or -500',
    parseRange,
  ),
}

/** The file that is meant; undefined for standard input and output. */
export function namedFile({ cwd }: Shell, name: string | undefined): NamedFile | undefined {
  return name === undefined || name === '-' ? undefined : { name, path: resolve(cwd, name) }
}

// `0-499`, `500-` and `-500`.
function parseRange(text: string): ByteRange {
  const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(text) ?? []
  const numbers = [first, last].filter((part) => part !== '').map(Number)
  const [from = 0, to = from] = numbers
  // The end is one byte behind the last, and must be an exact number, too.
  if (numbers.length === 0 || !numbers.every((each) => each < Number.MAX_SAFE_INTEGER) || to < from)
    throw new InvalidArgumentError('It must be FIRST-LAST, FIRST- or -LENGTH, in bytes from 0.')
  if (first === '') return { lengthFromEnd: Number(last) }
  return { first: from, last: last === '' ? undefined : to }
}
