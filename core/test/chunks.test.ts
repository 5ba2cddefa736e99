// Sealing and opening chunk by chunk gives the same bytes as with whole messages, and no unverified byte comes out.
import { createHash, createSecretKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createChunkOpener } from '../src/file/chunk-opener.ts'
import { createChunkSealer, unsafeCreateChunkSealerWithSalt } from '../src/file/chunk-sealer.ts'
import { open, prefixBytes, seal, sealedChunkBytes, sealedLength } from '../src/cobblestone.ts'
import { codeOf, testKey } from './support.ts'

const key = testKey(1)
const context = Buffer.from('a context')
const patterned = (length: number): Buffer => Buffer.alloc(length, Buffer.from('0123456789abcdefg'))

/** Seals with one call per chunk. */
function sealByChunks(plaintext: Buffer, salt?: Buffer): Buffer {
  const sealer =
    salt === undefined ? createChunkSealer(key, context) : unsafeCreateChunkSealerWithSalt(key, context, salt)
  const sealed = Buffer.alloc(sealedLength(plaintext.length))
  let at = sealer.prefix.copy(sealed)
  for (let start = 0; start <= plaintext.length; start += 16_384)
    at = sealer.sealChunk(plaintext.subarray(start, start + 16_384), sealed, at)
  expect(at).toBe(sealed.length)
  return sealed
}

/** Reads a stream that arrives in pieces. `released` holds the plaintext that came out, even when it failed. */
function openByPieces(
  inputKey: typeof key,
  boundContext: Uint8Array,
  pieces: Iterable<Uint8Array>,
): { code: string; released: Buffer } {
  const released: Buffer[] = []
  const code = codeOf(() => {
    let pending = Buffer.alloc(0)
    let opener: ReturnType<typeof createChunkOpener> | undefined
    let index = 0
    // Pieces of one byte are gathered here, so that they are not copied again with each new one.
    const room = Buffer.alloc(sealedChunkBytes)
    const take = (piece: Uint8Array): void => {
      let rest = piece
      while (rest.length > 0) {
        const wanted = (opener === undefined ? prefixBytes : sealedChunkBytes) - pending.length
        const part = rest.subarray(0, wanted)
        room.set(part, pending.length)
        pending = room.subarray(0, pending.length + part.length)
        rest = rest.subarray(part.length)
        if (part.length < wanted) return
        if (opener === undefined) opener = createChunkOpener(inputKey, boundContext, pending)
        else released.push(opener.openChunk(index++, pending, false))
        pending = room.subarray(0, 0)
      }
    }
    for (const piece of pieces) take(piece)
    opener ??= createChunkOpener(inputKey, boundContext, pending)
    released.push(opener.openChunk(index, pending, true))
  })
  return { code, released: Buffer.concat(released) }
}

function* piecesOf(bytes: Buffer, length: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length)
}

describe.each([0, 1, 16_383, 16_384, 16_385, 32_768, 100_000])('%i bytes', (length) => {
  const plaintext = patterned(length)

  test('seal to the same bytes as in one piece', () => {
    const whole = seal(key, context, plaintext)
    expect(sealByChunks(plaintext, whole.subarray(0, 24)).equals(whole)).toBe(true)
    expect(open(key, context, sealByChunks(plaintext)).equals(plaintext)).toBe(true)
  })

  test('open from pieces of any length', () => {
    const sealed = seal(key, context, plaintext)
    for (const pieceBytes of [1, 7, 16_384, 16_400, 1_000_000]) {
      const { code, released } = openByPieces(key, context, piecesOf(sealed, pieceBytes))
      expect([code, released.equals(plaintext)]).toEqual(['accepted', true])
    }
  })
})

describe('a message of three chunks', () => {
  const plaintext = patterned(2 * 16_384 + 10)
  const sealed = seal(key, context, plaintext)
  const opener = createChunkOpener(key, context, sealed.subarray(0, 56))
  const chunk = (index: number): Buffer =>
    sealed.subarray(56 + index * sealedChunkBytes, 56 + (index + 1) * sealedChunkBytes)

  test('opens in any order, and repeatedly', () => {
    for (const index of [2, 0, 1, 1, 2]) {
      const expected = plaintext.subarray(index * 16_384, (index + 1) * 16_384)
      expect(opener.openChunk(index, chunk(index), index === 2).equals(expected)).toBe(true)
    }
  })

  test.each([
    ['a chunk at another place', () => opener.openChunk(1, chunk(0), false)],
    ['the last chunk as one in the middle', () => opener.openChunk(2, chunk(2), false)],
    ['a chunk in the middle as the last', () => opener.openChunk(1, chunk(1), true)],
    ['nothing as the last', () => opener.openChunk(3, Buffer.alloc(0), true)],
    ['less than a tag', () => opener.openChunk(2, chunk(2).subarray(0, 15), true)],
    ['a chunk that is cut', () => opener.openChunk(0, chunk(0).subarray(0, -1), false)],
    ['an index below zero', () => opener.openChunk(-1, chunk(0), false)],
    ['an index that is no number', () => opener.openChunk(Number.NaN, chunk(0), false)],
    ['a prefix that is too short', () => createChunkOpener(key, context, sealed.subarray(0, 55))],
    ['a prefix that is too long', () => createChunkOpener(key, context, sealed.subarray(0, 57))],
    ['another key', () => createChunkOpener(testKey(2), context, sealed.subarray(0, 56))],
    ['another context', () => createChunkOpener(key, Buffer.from('b'), sealed.subarray(0, 56))],
  ])('%s is refused', (_name, action) => {
    expect(codeOf(action)).toBe('ERR_DECRYPTION_FAILED')
  })
})

describe('a sealer refuses', () => {
  const target = Buffer.alloc(100_000)

  test('a chunk that is too long', () => {
    const sealer = createChunkSealer(key, context)
    expect(() => sealer.sealChunk(Buffer.alloc(16_385), target, 0)).toThrow(RangeError)
  })

  test.each([0, 1, 16_383])('a chunk after one of %i bytes', (length) => {
    const sealer = createChunkSealer(key, context)
    sealer.sealChunk(Buffer.alloc(length), target, 0)
    expect(() => sealer.sealChunk(Buffer.alloc(1), target, 0)).toThrow(RangeError)
  })

  test('a target without room, and goes on with the same chunk', () => {
    const sealer = createChunkSealer(key, context)
    expect(() => sealer.sealChunk(Buffer.alloc(10), Buffer.alloc(25), 0)).toThrow(RangeError)
    const sealed = Buffer.alloc(56 + 26)
    sealer.prefix.copy(sealed)
    expect(sealer.sealChunk(Buffer.from('0123456789'), sealed, 56)).toBe(sealed.length)
    expect(open(key, context, sealed).toString()).toBe('0123456789')
  })

  test('a salt of another length', () => {
    expect(() => unsafeCreateChunkSealerWithSalt(key, context, Buffer.alloc(23))).toThrow(RangeError)
  })
})

interface Case {
  tcId: number
  comment: string
  key: string
  ctx: string
  ct: string
  msgLength?: number
  msgSha512?: string
  result: 'valid' | 'invalid'
  flags: string[]
}

const vectors = join(
  process.env.KEYHOLD_VECTORS ??
    join(import.meta.dirname, '..', '..', '..', 'shared', 'vectors', 'wycheproof'),
  'c2sp_chunked_encryption_aes_256_gcm_test.json',
)

if (!existsSync(vectors)) test.skip(`SKIPPED: no ${vectors} (KEYHOLD_VECTORS names another folder)`)
else {
  const file = JSON.parse(readFileSync(vectors, 'utf8')) as { testGroups: { tests: Case[] }[] }
  const cases = file.testGroups
    .flatMap((group) => group.tests)
    .filter(({ flags }) => !flags.includes('InvalidKeySize'))

  test('the Wycheproof file has its 33 cases with a key of the right length', () => {
    expect(cases).toHaveLength(33)
  })

  // From an invalid message a stream may release the longest valid prefix, and then it must fail.
  test.each(cases)('Wycheproof case $tcId, streamed, is $result: $comment', (item) => {
    const sealed = inflateSync(Buffer.from(item.ct, 'hex'))
    const lengths = sealed.length > 1_000_000 ? [997, 65_536] : [1, 100, 16_400, 65_536]
    for (const length of lengths) {
      const { code, released } = openByPieces(
        createSecretKey(Buffer.from(item.key, 'hex')),
        Buffer.from(item.ctx, 'hex'),
        piecesOf(sealed, length),
      )
      expect(code).toBe(item.result === 'valid' ? 'accepted' : 'ERR_DECRYPTION_FAILED')
      expect(released.length).toBe(item.msgLength ?? 0)
      if (item.msgSha512 !== undefined)
        expect(createHash('sha512').update(released).digest('hex')).toBe(item.msgSha512)
    }
  })

  test.each(
    cases.filter(({ flags }) => flags.includes('Truncation') || flags.includes('ModifiedCiphertext')),
  )('Wycheproof case $tcId: the last chunk opens alone exactly when the file says so', (item) => {
    const sealed = inflateSync(Buffer.from(item.ct, 'hex'))
    const code = codeOf(() => {
      const prefix = sealed.subarray(0, 56)
      const opener = createChunkOpener(
        createSecretKey(Buffer.from(item.key, 'hex')),
        Buffer.from(item.ctx, 'hex'),
        prefix,
      )
      const last = Math.max(0, Math.ceil((sealed.length - 56) / sealedChunkBytes) - 1)
      opener.openChunk(last, sealed.subarray(56 + last * sealedChunkBytes), true)
    })
    expect(code === 'accepted').toBe(item.flags.includes('ValidFinalChunk'))
  })
}
