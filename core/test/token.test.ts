import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seal } from '../src/cobblestone.ts'
import { encodeHeader, encodeToken, headerBytes, parseHeader, parseToken, tokenLength } from '../src/token.ts'
import { encryptValue } from '../src/value.ts'
import { codeOf, codesOf, numRuns, testDataKey, testKey } from './support.ts'
import { malformedTokens } from './tokens/malformed-tokens.ts'

const refused = ['ERR_TOKEN_INVALID']
const token = encryptValue(testDataKey(), { table: 'users' }, Buffer.from('hello'))
const bytes = Buffer.from(token.slice(4), 'base64url')
const header = { dataKeyId: testDataKey().id, version: 1 }
/** A token around any content. */
const asToken = (content: Uint8Array): string => `kh1.${Buffer.from(content).toString('base64url')}`
test('a token is parsed into its header and its sealed value', () => {
  const parsed = parseToken(token)
  expect(parsed.header).toEqual(header)
  expect(parsed.headerBytes.equals(bytes.subarray(0, headerBytes))).toBe(true)
  expect(parsed.sealed.equals(bytes.subarray(headerBytes))).toBe(true)
  expect(encodeToken(Buffer.concat([parsed.headerBytes, parsed.sealed]))).toBe(token)
})

test('a token has the predicted length', () => {
  for (let length = 0; length < 50; length++) {
    const sealed = seal(testKey(1), Buffer.alloc(0), Buffer.alloc(length))
    expect(encodeToken(Buffer.concat([encodeHeader(header), sealed]))).toHaveLength(
      tokenLength(sealed.length),
    )
  }
})

test.each(malformedTokens(token))('%s is no token', (_, text) => {
  expect(codeOf(() => parseToken(text))).toBe('ERR_TOKEN_INVALID')
})

test('base64 of a token is refused with a hint, because a second encoding is the usual mistake', () => {
  const twice = Buffer.from(token).toString('base64')
  for (const text of [twice, twice.replaceAll('=', '')]) {
    expect(() => parseToken(text)).toThrow(/base64 of a token/)
  }
  expect(() => parseToken('a2gx')).not.toThrow(/base64 of a token/)
})

test('a token that is cut short is refused, or parses as another token', () => {
  const cuts = Array.from({ length: token.length }, (_, end) => token.slice(0, end))
  for (const cut of cuts) {
    if (cut.length < tokenLength(72)) expect(codeOf(() => parseToken(cut))).toBe('ERR_TOKEN_INVALID')
    else expect(['accepted', ...refused]).toContain(codeOf(() => parseToken(cut)))
  }
})

test('stray bits in the last character are refused', () => {
  // 98 + 5 bytes leave one byte for the last two characters: only every sixteenth character may come last.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const accepted = Array.from(alphabet).filter(
    (last) => codeOf(() => parseToken(token.slice(0, -1) + last)) === 'accepted',
  )
  expect(bytes.length % 3).toBe(1)
  expect(accepted).toEqual(['A', 'Q', 'g', 'w'])
})

describe('any input', () => {
  function expectOneSpelling(text: string): void {
    if (codeOf(() => parseToken(text)) === 'accepted') {
      const parsed = parseToken(text)
      expect(encodeToken(Buffer.concat([encodeHeader(parsed.header), parsed.sealed]))).toBe(text)
    } else expect(codesOf([text], parseToken)).toEqual(refused)
  }

  test('a text is refused with the one code, or has no other spelling', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((tail) => `kh1.${tail}`),
    )
    fc.assert(fc.property(text, expectOneSpelling), { numRuns })
  })

  test('any bytes behind the prefix are refused with the one code, or have no other spelling', () => {
    const content = fc.uint8Array({ maxLength: 300 })
    const tail = content.map((value) => asToken(Buffer.concat([bytes.subarray(0, 26), value])))
    fc.assert(fc.property(fc.oneof(content.map(asToken), tail), expectOneSpelling), { numRuns })
  })

  test('a token with a few characters replaced, added or removed has no other spelling either', () => {
    const edit = fc.tuple(fc.nat(token.length), fc.nat(2), fc.string({ unit: 'binary', maxLength: 2 }))
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let text = token
        for (const [at, removed, added] of edits) text = text.slice(0, at) + added + text.slice(at + removed)
        expectOneSpelling(text)
      }),
      { numRuns },
    )
  })
})

test('10 MB of anything are refused at once', () => {
  const size = 10_000_000
  const texts = [
    'A'.repeat(size),
    `kh1.${'A'.repeat(size)}`,
    `kh1.${'='.repeat(size)}`,
    `kh1.${'!'.repeat(size)}`,
    `kh1.${'\u4e00'.repeat(size)}`,
    'kh1.'.repeat(size / 4),
    token.repeat(Math.floor(size / token.length)),
  ]
  for (const text of texts) {
    const start = performance.now()
    expect(codeOf(() => parseToken(text))).toBe('ERR_TOKEN_INVALID')
    // Linear work takes some 30 ms; quadratic work would take hours.
    expect(performance.now() - start).toBeLessThan(2_000)
  }
})

describe('the header', () => {
  test('every encoded header parses to the same members', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1, max: 0xffff_fffe }), (dataKeyId, version) => {
        const encoded = encodeHeader({ dataKeyId, version })
        expect(encoded).toHaveLength(headerBytes)
        expect(parseHeader(encoded)).toEqual({ dataKeyId, version })
      }),
    )
  })

  // A header that parseHeader refuses must not be made: data encrypted under it would be lost.
  test.each([0, -1, 1.5, 0xffff_ffff, 2 ** 32, Number.NaN, Infinity])(
    'is not made of version %d',
    (version) => {
      expect(() => encodeHeader({ ...header, version })).toThrow(RangeError)
      expect(() => encryptValue(testDataKey({ version }), {}, Buffer.alloc(1))).toThrow(RangeError)
    },
  )

  test.each(['', 'x', header.dataKeyId.toUpperCase(), `${header.dataKeyId}\n`, `{${header.dataKeyId}}`])(
    'is not made of the data key id %j',
    (dataKeyId) => {
      expect(() => encodeHeader({ ...header, dataKeyId })).toThrow(TypeError)
    },
  )

  test.each([0, 25, 27])('is not parsed from %i bytes', (length) => {
    expect(codeOf(() => parseHeader(Buffer.concat([encodeHeader(header), Buffer.alloc(1)], length)))).toBe(
      'ERR_TOKEN_INVALID',
    )
  })
})
