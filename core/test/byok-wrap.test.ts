import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byokPrefix, encodeByokWrap, parseByokWrap } from '../src/byok-wrap.ts'
import { codeOf, numRuns } from './support.ts'

const fingerprint = '0123456789abcdef0123456789abcdef'
const wrap = encodeByokWrap(fingerprint, Buffer.alloc(184, 0xfb))
const body = wrap.slice(byokPrefix(fingerprint).length + 1)
const withFingerprint = (text: string): string => wrap.replace(fingerprint, text)

test('any fingerprint and any bytes that a KMS may answer come back', () => {
  const anyFingerprint = fc.uint8Array({ minLength: 16, maxLength: 16 })
  const blob = fc.uint8Array({ minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(anyFingerprint, blob, (bytes, ciphertextBlob) => {
      const name = Buffer.from(bytes).toString('hex')
      const parsed = parseByokWrap(encodeByokWrap(name, ciphertextBlob))
      expect(parsed.fingerprint).toBe(name)
      expect(parsed.ciphertextBlob.equals(ciphertextBlob)).toBe(true)
    }),
  )
})

test('the longest answer of AWS KMS, 6,144 bytes, comes back', () => {
  const blob = Buffer.alloc(6_144, 0xa5)
  expect(parseByokWrap(encodeByokWrap(fingerprint, blob)).ciphertextBlob.equals(blob)).toBe(true)
})

// A key that was stored in a form that does not parse would be lost.
test.each([
  ['no bytes', fingerprint, 0],
  ['6,145 bytes', fingerprint, 6_145],
  ['a fingerprint of 31 characters', fingerprint.slice(1), 184],
  ['a fingerprint in capitals', fingerprint.toUpperCase(), 184],
  ['a tenant id for a fingerprint', '018f3c1e-7b1a-7c55-9a3e-0d5b8c1f2a10', 184],
  ['an empty fingerprint', '', 184],
])('%s cannot be encoded', (_, name, length) => {
  expect(() => encodeByokWrap(name, Buffer.alloc(length))).toThrow(TypeError)
})

test.each([
  ['nothing', ''],
  ['one character', '#'],
  ['the wrong case', wrap.replace('#BYOKv1#', '#byokV1#')],
  ['version 2', wrap.replace('v1', 'v2')],
  ['no colon behind the prefix', wrap.replace('#:', '#')],
  ['the prefix two times', `#BYOKv1#:${wrap}`],
  ['the prefix alone', byokPrefix(fingerprint)],
  ['no body', `${byokPrefix(fingerprint)}:`],
  ['a fingerprint of 31 characters', withFingerprint(fingerprint.slice(1))],
  ['a fingerprint of 33 characters', withFingerprint(`${fingerprint}0`)],
  ['a fingerprint of 64 characters', withFingerprint(fingerprint.repeat(2))],
  ['a fingerprint in capitals', withFingerprint(fingerprint.toUpperCase())],
  ['a fingerprint that is not hex', withFingerprint(fingerprint.replace('f', 'g'))],
  ['a space in front', ` ${wrap}`],
  ['a space at the end', `${wrap} `],
  ['a line break at the end', `${wrap}\n`],
  ['a line break inside', `${wrap.slice(0, 60)}\n${wrap.slice(60)}`],
  ['base64 without its padding', wrap.replaceAll('=', '')],
  ['base64 with too much padding', `${wrap}=`],
  ['padding in the middle', `${wrap.slice(0, 60)}=${wrap.slice(61)}`],
  ['the alphabet of URLs', `${byokPrefix(fingerprint)}:${body.replaceAll('+', '-').replaceAll('/', '_')}`],
  ['stray bits at the end', `${byokPrefix(fingerprint)}:AB==`],
  ['8,193 characters', `${byokPrefix(fingerprint)}:${'A'.repeat(8_196)}`],
  ['10 MB', `${byokPrefix(fingerprint)}:${'A'.repeat(10_000_000)}`],
  ['10 MB of padding', `${byokPrefix(fingerprint)}:A${'='.repeat(10_000_000)}`],
  ['a third colon', `${wrap}:AAAA`],
  ['percent encoding', encodeURIComponent(wrap)],
  ['JSON quotes', JSON.stringify(wrap)],
  ['a zero-width space', wrap.replace('#:', '#:\u200b')],
  ['two wraps in a row', wrap + wrap],
  ['a token', `kh1.${'A'.repeat(131)}`],
  ['a handle of the internal key', `v1:${'A'.repeat(32)}:${'A'.repeat(80)}`],
  ['an empty v1', 'v1::'],
])('%s is no wrap', (_, text) => {
  expect(codeOf(() => parseByokWrap(text))).toBe('ERR_KEY_INTEGRITY')
})

describe('any input', () => {
  function expectOneSpelling(text: string): void {
    const code = codeOf(() => parseByokWrap(text))
    if (code === 'ERR_KEY_INTEGRITY') return
    expect(code).toBe('accepted')
    const parsed = parseByokWrap(text)
    expect(encodeByokWrap(parsed.fingerprint, parsed.ciphertextBlob)).toBe(text)
  }

  test('a text is refused with the one code, or has no other spelling', () => {
    const tail = fc.base64String().map((text) => `${byokPrefix(fingerprint)}:${text}`)
    fc.assert(fc.property(fc.oneof(fc.string(), tail), expectOneSpelling), { numRuns })
  })

  test('a wrap with some characters replaced, added or removed has no other spelling either', () => {
    const edit = fc.tuple(fc.nat(wrap.length), fc.nat(2), fc.string({ maxLength: 2 }))
    fc.assert(
      fc.property(edit, ([at, removed, added]) => {
        expectOneSpelling(wrap.slice(0, at) + added + wrap.slice(at + removed))
      }),
      { numRuns },
    )
  })
})
