import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seal } from '../src/cobblestone.ts'
import { encodeHeader, encodeToken, headerBytes, parseHeader, parseToken, tokenLength } from '../src/token.ts'
import { encryptValue } from '../src/value.ts'
import { codeOf, codesOf, numRuns, testDataKey, testKey } from './support.ts'

const refused = ['ERR_TOKEN_INVALID']
const token = encryptValue(testDataKey(), { table: 'users' }, Buffer.from('hello'))
const bytes = Buffer.from(token.slice(4), 'base64url')
const header = { dataKeyId: testDataKey().id, version: 1 }
const fingerprint = '0123456789abcdef0123456789abcdef'

/** The token of `content`, whatever that is. */
const asToken = (content: Uint8Array): string => `kh1.${Buffer.from(content).toString('base64url')}`
const withSealed = (length: number): string =>
  asToken(Buffer.concat([encodeHeader(header), Buffer.alloc(length)]))
const withHeader = (offset: number, ...values: number[]): string => {
  const copy = Buffer.from(bytes)
  copy.set(values, offset)
  return asToken(copy)
}

test('a token comes apart into its header and what is sealed', () => {
  const parsed = parseToken(token)
  expect(parsed.header).toEqual(header)
  expect(parsed.headerBytes.equals(bytes.subarray(0, headerBytes))).toBe(true)
  expect(parsed.sealed.equals(bytes.subarray(headerBytes))).toBe(true)
  expect(encodeToken(Buffer.concat([parsed.headerBytes, parsed.sealed]))).toBe(token)
})

test('a token is as long as foretold', () => {
  for (let length = 0; length < 50; length++) {
    const sealed = seal(testKey(1), Buffer.alloc(0), Buffer.alloc(length))
    expect(encodeToken(Buffer.concat([encodeHeader(header), sealed]))).toHaveLength(
      tokenLength(sealed.length),
    )
  }
})

const malformed: [string, string][] = [
  ['an empty text', ''],
  ['one character', 'k'],
  ['the prefix alone', 'kh1.'],
  ['a prefix without a dot', token.replace('.', '')],
  ['a prefix in capitals', token.replace('kh1', 'KH1')],
  ['an unknown version of the prefix', token.replace('kh1', 'kh2')],
  ['the prefix two times', `kh1.${token}`],
  ['no prefix', token.slice(4)],
  ['a space in front', ` ${token}`],
  ['a space at the end', `${token} `],
  ['a line break at the end', `${token}\n`],
  ['a line break inside', `${token.slice(0, 50)}\n${token.slice(50)}`],
  ['a NUL at the end', `${token}\0`],
  ['padding at the end', `${token}=`],
  ['padding in the middle', `${token.slice(0, 50)}=${token.slice(51)}`],
  ['the alphabet of plain base64', `kh1.${Buffer.alloc(98, 0xfb).toString('base64')}`],
  ['a zero-width space inside', `${token.slice(0, 50)}\u200b${token.slice(50)}`],
  ['a full-width character', `${token.slice(0, 50)}\uff21${token.slice(51)}`],
  ['a character whose low byte is in the alphabet', `${token.slice(0, 50)}\u0141${token.slice(51)}`],
  ['a lone surrogate', `${token.slice(0, 50)}\ud800${token.slice(51)}`],
  ['percent encoding', token.replace('.', '%2E')],
  ['JSON quotes', JSON.stringify(token)],
  ['base64 of a token', Buffer.from(token).toString('base64')],
  ['a token of a token', asToken(Buffer.from(token))],
  ['another magic', withHeader(0, 0x6b)],
  ['another format version', withHeader(2, 2)],
  ['suite 0', withHeader(3, 0, 0)],
  ['suite 65535', withHeader(3, 0xff, 0xff)],
  ['suite 2', withHeader(3, 0, 2)],
  ['flags', withHeader(5, 1)],
  ['key version 0', withHeader(22, 0, 0, 0, 0)],
  ['key version 4294967295', withHeader(22, 0xff, 0xff, 0xff, 0xff)],
  ['nothing but a header', withSealed(0)],
  ['a sealed part of 71 bytes', withSealed(71)],
  ['a sealed part cut after one full chunk', withSealed(56 + 16_400)],
  ['a sealed part cut after two full chunks', withSealed(56 + 2 * 16_400)],
  ['a sealed part that ends inside a tag', withSealed(56 + 16_400 + 15)],
  ['two tokens in a row', token + token],
  ["a customer's wrap", `#BYOKv1#:${fingerprint}:AAAA`],
  ["a customer's fingerprint before a token", `#BYOKv1#:${fingerprint}:${token.slice(4)}`],
  ['a handle of the internal key', `v1:${'A'.repeat(32)}:${'A'.repeat(80)}`],
]

test.each(malformed)('%s is no token', (_, text) => {
  expect(codeOf(() => parseToken(text))).toBe('ERR_TOKEN_INVALID')
})

test('every token cut short or with a character more is refused or is not the same token', () => {
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

describe('whatever comes in', () => {
  function expectOneSpelling(text: string): void {
    if (codeOf(() => parseToken(text)) === 'accepted') {
      const parsed = parseToken(text)
      expect(encodeToken(Buffer.concat([encodeHeader(parsed.header), parsed.sealed]))).toBe(text)
    } else expect(codesOf([text], parseToken)).toEqual(refused)
  }

  test('any text is refused with the one code, or has no other spelling', () => {
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
    // Linear work takes some 30 ms; anything of the second power would take hours.
    expect(performance.now() - start).toBeLessThan(2_000)
  }
})

describe('the header', () => {
  test('every header that is made parses to what it was made of', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1, max: 0xffff_fffe }), (dataKeyId, version) => {
        const encoded = encodeHeader({ dataKeyId, version })
        expect(encoded).toHaveLength(headerBytes)
        expect(parseHeader(encoded)).toEqual({ dataKeyId, version })
      }),
    )
  })

  // What parseHeader refuses must not be made: data encrypted under it would be lost.
  test.each([0, -1, 1.5, 0xffff_ffff, 2 ** 32, Number.NaN, Infinity])('version %d makes none', (version) => {
    expect(() => encodeHeader({ ...header, version })).toThrow(RangeError)
    expect(() => encryptValue(testDataKey({ version }), {}, Buffer.alloc(1))).toThrow(RangeError)
  })

  test.each(['', 'x', header.dataKeyId.toUpperCase(), `${header.dataKeyId}\n`, `{${header.dataKeyId}}`])(
    'the data key id %j makes none',
    (dataKeyId) => {
      expect(() => encodeHeader({ ...header, dataKeyId })).toThrow(TypeError)
    },
  )

  test.each([0, 25, 27])('%i bytes are none', (length) => {
    expect(codeOf(() => parseHeader(Buffer.concat([encodeHeader(header), Buffer.alloc(1)], length)))).toBe(
      'ERR_TOKEN_INVALID',
    )
  })
})
