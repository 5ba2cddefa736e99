// Well-formed tokens that no encoder made: the parser accepts them, and no key opens them.
import { headerBytes } from '../../src/token.ts'

const saltBytes = 24
const commitmentBytes = 32
const sealedChunkBytes = 16_400
const saltAt = headerBytes
const commitmentAt = saltAt + saltBytes
const chunksAt = commitmentAt + commitmentBytes

export interface TokensToBreak {
  /** Two tokens under one data key, each of a value of three chunks, with one context. */
  one: string
  two: string
  /** A token like those, under another data key. */
  foreign: string
}

/** Rows of a description and a token. */
export function undecryptableTokens({ one, two, foreign }: TokensToBreak): [what: string, text: string][] {
  const [a, b, c] = [bytesOf(one), bytesOf(two), bytesOf(foreign)]
  const head = a.subarray(0, headerBytes)
  const salt = (from: Buffer) => from.subarray(saltAt, commitmentAt)
  const commitment = (from: Buffer) => from.subarray(commitmentAt, chunksAt)
  const chunk = (from: Buffer, index: number) => {
    const at = chunksAt + index * sealedChunkBytes
    return from.subarray(at, at + sealedChunkBytes)
  }
  const [first, second, last] = [chunk(a, 0), chunk(a, 1), chunk(a, 2)]
  const prefix = a.subarray(0, chunksAt)
  const withVersion = Buffer.from(a)
  withVersion.writeUInt32BE(2, headerBytes - 4)
  const rows: [string, Buffer[]][] = [
    ['a salt with the commitment of another message', [head, salt(b), commitment(a), a.subarray(chunksAt)]],
    ['a commitment of another message', [head, salt(a), commitment(b), a.subarray(chunksAt)]],
    ['a commitment of another key', [head, salt(a), commitment(c), a.subarray(chunksAt)]],
    ['the chunks of another message', [prefix, b.subarray(chunksAt)]],
    ['swapped chunks', [prefix, second, first, last]],
    ['a chunk two times', [prefix, first, first, last]],
    ['a chunk of another message', [prefix, first, chunk(b, 1), last]],
    ['one chunk less', [prefix, first, last]],
    ['one chunk more', [prefix, first, second, second, last]],
    ['an appended chunk', [a, first]],
    ['an appended last chunk', [a, last]],
    ['nothing but the last chunk', [prefix, last]],
    ['a last chunk that is cut', [a.subarray(0, -1)]],
    ['one byte more', [a, Buffer.alloc(1)]],
    ['the bytes of another token appended', [a, b]],
    ['the header of another key', [c.subarray(0, headerBytes), a.subarray(headerBytes)]],
    ['a sealed part of another key', [head, c.subarray(headerBytes)]],
    ['a version that does not exist', [withVersion]],
    ['an empty message under a zero salt', [head, Buffer.alloc(saltBytes + commitmentBytes + 16)]],
  ]
  return rows.map(([what, parts]) => [what, `kh1.${Buffer.concat(parts).toString('base64url')}`])
}

function bytesOf(token: string): Buffer {
  return Buffer.from(token.slice(4), 'base64url')
}
