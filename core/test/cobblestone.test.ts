import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chunkBytes,
  isSealedLength,
  open,
  seal,
  sealedLength,
  unsafeSealWithSalt,
} from '../src/cobblestone.ts'
import { codeOf, codesOf, flippedBits, testKey, truncations, withFlippedBit } from './support.ts'

const key = testKey(1)
const context = Buffer.from('a context')
const refused = ['ERR_DECRYPTION_FAILED']
const openSealed = (sealed: Uint8Array): Buffer => open(key, context, sealed)

function patterned(length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, index) => index)))
}

const boundaries = [0, 1, 15, 16, 17, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 100_000]

describe.each(boundaries)('a plaintext of %i bytes', (length) => {
  const plaintext = patterned(length)
  const sealed = seal(key, context, plaintext)

  test('comes back whole, and the given plaintext stays unchanged', () => {
    expect(openSealed(sealed).equals(plaintext)).toBe(true)
    expect(plaintext.equals(patterned(length))).toBe(true)
  })

  test('seals to the predicted length', () => {
    expect(sealed.length).toBe(sealedLength(length))
    expect(sealed.length).toBe(56 + length + (Math.floor(length / 16_384) + 1) * 16)
    expect(isSealedLength(sealed.length)).toBe(true)
  })

  test('is refused with one byte less or more, or one bit changed at either end of each part', () => {
    const last = sealed.length * 8 - 1
    const bits = [0, 191, 192, 447, 448, last - 128, last - 127, last]
    const variants = bits.map((bit) => withFlippedBit(sealed, bit))
    variants.push(sealed.subarray(0, -1), sealed.subarray(1), Buffer.concat([sealed, Buffer.alloc(1)]))
    expect(codesOf(variants, openSealed)).toEqual(refused)
  })
})

describe('a short sealed message', () => {
  const sealed = seal(key, context, Buffer.from('hello'))

  test('is refused with any single bit changed', () => {
    expect(codesOf(flippedBits(sealed), openSealed)).toEqual(refused)
  })

  test('is refused when cut anywhere', () => {
    expect(codesOf(truncations(sealed), openSealed)).toEqual(refused)
  })

  test('is refused with any number of bytes after it, up to a whole chunk more', () => {
    const lengths = [...Array.from({ length: 100 }, (_, index) => index + 1), 16_383, 16_384, 16_400, 16_401]
    const extended = lengths.map((length) => Buffer.concat([sealed, Buffer.alloc(length)]))
    expect(codesOf(extended, openSealed)).toEqual(refused)
    expect(codeOf(() => openSealed(Buffer.concat([sealed, sealed])))).toBe(refused[0])
  })

  test('is refused under another key and under another context', () => {
    expect(codeOf(() => open(testKey(2), context, sealed))).toBe(refused[0])
    const others = [Buffer.alloc(0), Buffer.from('a contexu'), Buffer.concat([context, Buffer.alloc(1)])]
    expect(codesOf(others, (other) => open(key, other, sealed))).toEqual(refused)
  })

  test('is refused with the commitment or the salt of another message', () => {
    const other = seal(key, context, Buffer.from('hello'))
    const otherCommitment = Buffer.concat([
      sealed.subarray(0, 24),
      other.subarray(24, 56),
      sealed.subarray(56),
    ])
    const otherSalt = Buffer.concat([other.subarray(0, 24), sealed.subarray(24)])
    const otherChunk = Buffer.concat([sealed.subarray(0, 56), other.subarray(56)])
    expect(codesOf([otherCommitment, otherSalt, otherChunk], openSealed)).toEqual(refused)
  })

  test('has different bytes when it is sealed again', () => {
    const messages = Array.from({ length: 100 }, () => seal(key, context, Buffer.from('hello')))
    expect(new Set(messages.map((message) => message.toString('hex'))).size).toBe(100)
  })
})

describe('a message of four chunks', () => {
  const sealedChunk = chunkBytes + 16
  const sealed = seal(key, context, patterned(3 * chunkBytes + 10))
  const prefix = sealed.subarray(0, 56)
  const chunk = (index: number): Buffer =>
    sealed.subarray(56 + index * sealedChunk, 56 + (index + 1) * sealedChunk)
  const assemble = (...indices: number[]): Buffer => Buffer.concat([prefix, ...indices.map(chunk)])

  test('opens in the order it was sealed in', () => {
    expect(openSealed(assemble(0, 1, 2, 3)).equals(patterned(3 * chunkBytes + 10))).toBe(true)
  })

  test('is refused with chunks swapped, repeated, left out or added', () => {
    const orders = [
      [1, 0, 2, 3],
      [0, 2, 1, 3],
      [2, 1, 0, 3],
      [3, 0, 1, 2],
      [0, 0, 1, 2, 3],
      [0, 1, 2, 2, 3],
      [0, 1, 2, 3, 3],
      [1, 2, 3],
      [0, 1, 3],
      [0, 3],
      [3],
      [],
    ]
    expect(codesOf(orders, (order) => openSealed(assemble(...order)))).toEqual(refused)
  })

  test('is refused when cut after any whole chunk, for its length alone', () => {
    for (const cut of [assemble(0), assemble(0, 1), assemble(0, 1, 2)]) {
      expect(isSealedLength(cut.length)).toBe(false)
      expect(codeOf(() => openSealed(cut))).toBe(refused[0])
    }
  })

  test('is refused with a bit changed in any of its chunks', () => {
    const bits = [0, 1, 2, 3].map((index) => (56 + index * sealedChunk + 5) * 8 + index)
    expect(codesOf(bits, (bit) => openSealed(withFlippedBit(sealed, bit)))).toEqual(refused)
  })

  test('is refused with a chunk of another message under the same key', () => {
    const other = seal(key, context, patterned(3 * chunkBytes + 10))
    const mixed = Buffer.concat([sealed.subarray(0, 56 + sealedChunk), other.subarray(56 + sealedChunk)])
    expect(codeOf(() => openSealed(mixed))).toBe(refused[0])
  })
})

describe('lengths', () => {
  test('a length is a sealed length exactly when some plaintext seals to it', () => {
    const reachable = new Set(Array.from({ length: 40_000 }, (_, length) => sealedLength(length)))
    for (let length = -1; length < 40_000; length++)
      expect(isSealedLength(length)).toBe(reachable.has(length))
  })

  test('a number that cannot be a length is no sealed length', () => {
    expect([-26, Number.NaN, -16_400 + 72].map(isSealedLength)).toEqual([false, false, false])
  })
})

describe('mistakes of a caller', () => {
  // HMAC pads keys with zeros: 31 bytes, and the same with a zero byte appended, would be one key.
  test.each([0, 16, 31, 33, 64, 200])('a key of %i bytes neither seals nor opens', (length) => {
    const odd = createSecretKey(Buffer.alloc(length))
    const sealed = seal(testKey(0), context, Buffer.alloc(1))
    expect(() => seal(odd, context, Buffer.alloc(1))).toThrow(RangeError)
    expect(() => open(odd, context, sealed)).toThrow(RangeError)
  })

  test.each([0, 12, 23, 25])('a given salt of %i bytes is refused', (length) => {
    expect(() => unsafeSealWithSalt(key, context, Buffer.alloc(1), Buffer.alloc(length))).toThrow(RangeError)
  })
})

test('every key, context and plaintext comes back, in memory that nothing else shares', () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), bytes, bytes, (byte, anyContext, plaintext) => {
      const opened = open(testKey(byte), anyContext, seal(testKey(byte), anyContext, plaintext))
      expect(opened.equals(plaintext)).toBe(true)
      expect(opened.buffer.byteLength).toBe(plaintext.length)
    }),
    { numRuns: 300 },
  )
})
