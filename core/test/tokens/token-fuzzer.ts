// Makes tokens that are nearly right, tokens that are wrong in every way that the format knows, and other texts. The same
// seed makes the same mutations, so that a finding can be reproduced.
import { mulberry32 } from '../../../testkit/src/statistics/seeded-random.ts'
import type { DataKey } from '../../src/data-key.ts'
import { encodeHeader, headerBytes } from '../../src/token.ts'
import { encryptValue } from '../../src/value.ts'

export interface FuzzedToken {
  strategy: string
  text: string
  context: Record<string, string>
}

export interface Original {
  text: string
  context: Record<string, string>
  plaintext: Buffer
}

export interface TokenFuzzer {
  originals: readonly Original[]
  next(): FuzzedToken
}

const sealedChunkBytes = 16_400
const chunksAt = headerBytes + 56
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const oddCharacters = [
  '=',
  '+',
  '/',
  '.',
  ' ',
  '\n',
  '\0',
  '%',
  '"',
  '\u200b',
  '\uff21',
  '\u0141',
  '\ud800',
  '\u{1F511}',
]
const prefixes = [
  '',
  'kh',
  'kh1',
  'KH1.',
  'kh2.',
  'kh1..',
  'kh1.kh1.',
  '#BYOKv1#:',
  `#BYOKv1#:${'0'.repeat(32)}:`,
  'v1:',
  'v1::',
]
// Lengths around every boundary of the format. Short ones come often, because they are cheap.
const sizes = [0, 1, 5, 16, 100, 500, 16_383, 16_384, 16_385, 33_000]

/** @param keys - the data keys that the tokens are made under, and that open them */
export function createTokenFuzzer(seed: number, keys: readonly DataKey[]): TokenFuzzer {
  const random = mulberry32(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <Value>(values: readonly Value[]): Value => {
    const value = values[below(values.length)]
    if (value === undefined) throw new RangeError('nothing to pick from')
    return value
  }
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => below(256)))

  const contexts = [{}, { table: 'users' }, { table: 'users', column: 'ssn' }]
  const originals = keys.flatMap((key) =>
    sizes.map((size): Original => {
      const context = pick(contexts)
      const plaintext = noise(size)
      return { text: encryptValue(key, context, plaintext), context, plaintext }
    }),
  )
  const short = originals.filter(({ plaintext }) => plaintext.length < 1_000)
  const long = originals.filter(({ plaintext }) => plaintext.length >= 16_384)
  // Only one of many is long, because it costs as much as a hundred short ones.
  const original = () => (below(40) === 0 ? pick(long) : pick(short))
  const bytesOf = ({ text }: Original) => Buffer.from(text.slice(4), 'base64url')
  const token = (bytes: Uint8Array) => `kh1.${Buffer.from(bytes).toString('base64url')}`

  const strategies: Record<string, (from: Original) => string> = {
    'random text': () => String.fromCharCode(...Array.from({ length: below(300) }, () => below(65_536))),
    'random characters of the alphabet': () =>
      `kh1.${Array.from({ length: below(300) }, () => alphabet.charAt(below(64))).join('')}`,
    'random bytes': () => token(noise(below(300))),
    'a good header before random bytes': (from) =>
      token(Buffer.concat([bytesOf(from).subarray(0, headerBytes), noise(72 + below(200))])),
    'changed characters': ({ text }) => {
      let changed = text
      for (let edits = 1 + below(3); edits > 0; edits--) {
        const at = below(changed.length + 1)
        const added = pick([alphabet.charAt(below(64)), alphabet.charAt(below(64)), '', pick(oddCharacters)])
        changed = changed.slice(0, at) + added + changed.slice(at + below(3))
      }
      return changed
    },
    'flipped bits': (from) => {
      const bytes = bytesOf(from)
      for (let flips = 1 + below(3); flips > 0; flips--) {
        const at = below(bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
      }
      return token(bytes)
    },
    'an edited header': (from) => {
      const bytes = bytesOf(from)
      const edits = [
        () => {
          bytes.set(noise(3), 0)
        },
        () => bytes.writeUInt8(below(256), 2),
        () => bytes.writeUInt16BE(pick([0, 2, 256, 0xffff]), 3),
        () => bytes.writeUInt8(1 << below(8), 5),
        () => {
          bytes.set(noise(16), 6)
        },
        () => {
          bytes.set(bytesOf(original()).subarray(6, 22), 6)
        },
        () => bytes.writeUInt32BE(pick([0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]), 22),
        () => {
          bytes.set(encodeHeader({ dataKeyId: pick(keys).id, version: pick(keys).version }))
        },
      ]
      pick(edits)()
      return token(bytes)
    },
    'parts of two tokens': (from) => {
      const [a, b] = [bytesOf(from), bytesOf(original())]
      const cut = pick([headerBytes, headerBytes + 24, chunksAt, below(a.length)])
      return token(Buffer.concat([a.subarray(0, cut), b.subarray(cut)]))
    },
    'chunks moved': () => {
      const bytes = bytesOf(pick(long))
      const chunks: Buffer[] = []
      for (let at = chunksAt; at < bytes.length; at += sealedChunkBytes)
        chunks.push(bytes.subarray(at, at + sealedChunkBytes))
      const moved = chunks.flatMap((chunk) => pick([[chunk], [chunk], [], [chunk, chunk], [pick(chunks)]]))
      return token(Buffer.concat([bytes.subarray(0, chunksAt), ...moved]))
    },
    'cut or continued': (from) => {
      const bytes = bytesOf(from)
      const more = pick([0, 1, 2, 16, 72, 100])
      return token(Buffer.concat([bytes.subarray(0, below(bytes.length + 1)), noise(more)]))
    },
    'cut text': ({ text }) => text.slice(below(5), below(text.length + 1)),
    'two tokens in a row': ({ text }) => text + pick(['', '.', ',', '\n']) + original().text,
    'another prefix': ({ text }) => pick(prefixes) + text.slice(pick([0, 2, 4])),
    'another encoding': ({ text }) =>
      pick([
        () => Buffer.from(text).toString('base64'),
        () => Buffer.from(text).toString('hex'),
        () => `kh1.${Buffer.from(text.slice(4), 'base64url').toString('base64')}`,
        () => JSON.stringify(text),
        () => encodeURIComponent(`${text}=`),
        () => text.normalize('NFKD').toUpperCase(),
        () => `${text.slice(0, 40)}\r\n${text.slice(40)}`,
        () => token(Buffer.from(text)),
      ])(),
    'as it was': ({ text }) => text,
  }
  const names = Object.keys(strategies)

  return {
    originals,
    next() {
      const from = original()
      const strategy = pick(names)
      const text = strategies[strategy]?.(from) ?? ''
      // Some come with the context of another token.
      const context = below(4) === 0 ? pick([...contexts, { table: 'Users' }]) : from.context
      return { strategy, text, context }
    },
  }
}
