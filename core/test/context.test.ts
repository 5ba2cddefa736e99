import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkEncryptionContext,
  contextPurpose,
  encodeContext,
  type ContextFields,
  type ContextPurpose,
  type EncryptionContext,
} from '../src/context/context.ts'
import { codeOf, numRuns, tenantId } from './support.ts'

const fields: ContextFields = { purpose: contextPurpose.value, tenantId, objectId: 'dk_01', version: 1 }
const parsed = (json: string): EncryptionContext => JSON.parse(json) as EncryptionContext

/** `count` pairs whose keys have three bytes. */
function pairsOf(count: number, value = ''): EncryptionContext {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index + 10}`, value]))
}

describe("a caller's encryption context", () => {
  const accepted: [string, EncryptionContext | undefined][] = [
    ['none', undefined],
    ['no pair', {}],
    ['an ordinary pair', { table: 'users' }],
    ['32 pairs', pairsOf(32)],
    ['a key of 128 bytes', { ['k'.repeat(128)]: '' }],
    ['a key of 64 two-byte characters', { ['é'.repeat(64)]: '' }],
    ['a value of 512 bytes', { k: 'v'.repeat(512) }],
    ['4,096 bytes in all', { ...pairsOf(7, 'v'.repeat(509)), ['x'.repeat(128)]: 'v'.repeat(384) }],
    ['an empty value', { k: '' }],
    ['spaces', { ' ': ' ' }],
    ['characters beyond the basic plane', { '😀': '😀' }],
    ['a value that is not in normal form C', { k: 'e\u0301' }],
    ['a key that only resembles the reserved space', { Keyhold: '', keyhold: '', 'Keyhold:x': '' }],
    ['a key named __proto__', parsed('{ "__proto__": "x" }')],
    ['keys named like members of every object', { constructor: 'x', toString: 'y', hasOwnProperty: 'z' }],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { k: 'v' })],
  ]

  test.each(accepted)('may have %s, and is returned unchanged', (_, context) => {
    const before = JSON.stringify(context ?? {})
    expect(JSON.stringify(checkEncryptionContext(context))).toBe(before)
  })

  const refused: [string, unknown][] = [
    ['33 pairs', pairsOf(33)],
    ['100,000 pairs', pairsOf(100_000)],
    ['a key of 129 bytes', { ['k'.repeat(129)]: '' }],
    ['a key of 65 two-byte characters', { ['é'.repeat(65)]: '' }],
    ['a value of 513 bytes', { k: 'v'.repeat(513) }],
    ['a value of 171 three-byte characters', { k: '\uff5e'.repeat(171) }],
    ['4,097 bytes in all', { ...pairsOf(7, 'v'.repeat(509)), ['x'.repeat(128)]: 'v'.repeat(385) }],
    ['a key in the reserved space', { 'keyhold:tenantId': 'x' }],
    ['the reserved prefix as a key', { 'keyhold:': 'x' }],
    ['an empty key', { '': 'x' }],
    ['a NUL in a key', { 'a\0': 'x' }],
    ['a line break in a key', { 'a\n': 'x' }],
    ['a line break in a value', { a: 'x\n' }],
    ['an escape character in a value', { a: '\u001b[31m' }],
    ['DEL in a value', { a: '\u007f' }],
    ['a C1 control in a value', { a: '\u0085' }],
    ['a lone high surrogate in a key', { 'a\ud800': 'x' }],
    ['a lone low surrogate in a value', { a: '\udc00x' }],
    ['a key that is not in normal form C', { 'e\u0301': 'x' }],
    ['a number', { a: 1 }],
    ['a boolean', { a: true }],
    ['null as a value', { a: null }],
    ['undefined as a value', { a: undefined }],
    ['an object as a value', { a: { b: 'c' } }],
    ['an array as a value', { a: ['b'] }],
    ['a String object as a value', { a: Object('b') as unknown }],
    ['an object under the key __proto__', parsed('{ "__proto__": { "a": "b" } }')],
    // None of these is an object literal. Object.entries sees no entries of a Map.
    ['the form of a Map', new Map([['a', 'b']])],
    ['the form of an array', ['a']],
    ['the form of a string', 'ab'],
    ['the form of a Date', new Date(0)],
    ['the form of null', null],
  ]

  test.each(refused)('may not have %s', (_, context) => {
    expect(codeOf(() => checkEncryptionContext(context as EncryptionContext))).toBe('ERR_CONTEXT_INVALID')
  })

  test('is never repeated in the message of a refusal', () => {
    expect(() => checkEncryptionContext({ 'keyhold:canary': 'canary' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('canary') as string }) as Error,
    )
  })

  // Normalising such a run takes quadratic time: 80,000 marks take four seconds.
  test('is refused at once when a key is a long run of combining marks', () => {
    const key = 'a' + '\u0301'.repeat(500_000) + '\u0316'.repeat(500_000)
    const start = performance.now()
    expect(codeOf(() => checkEncryptionContext({ [key]: '' }))).toBe('ERR_CONTEXT_INVALID')
    expect(performance.now() - start).toBeLessThan(1_000)
  })

  test('either passes and encodes, or is refused with the one code', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ maxLength: 600 }))
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 40 }), (pairs) => {
        const context = Object.fromEntries(pairs)
        const code = codeOf(() => encodeContext({ ...fields, pairs: checkEncryptionContext(context) }))
        expect(['accepted', 'ERR_CONTEXT_INVALID']).toContain(code)
      }),
      { numRuns: 300 },
    )
  })
})

/** Reads KHC1 bytes. Because this function exists, no two contexts can encode alike. */
function decode(bytes: Buffer): ContextFields {
  let at = 14
  const take = (length: number): Buffer => bytes.subarray(at, (at += length))
  const text = (): string => take(take(2).readUInt16BE()).toString('utf8')
  const purpose = take(1).readUInt8() as ContextPurpose
  const [tenant, objectId, version] = [text(), text(), take(4).readUInt32BE()]
  const [suite, count] = [take(2).readUInt16BE(), take(2).readUInt16BE()]
  const pairs = Object.fromEntries(Array.from({ length: count }, () => [text(), text()]))
  if (bytes.toString('ascii', 0, 14) !== 'keyhold/ctx/1\0' || suite !== 1 || at !== bytes.length)
    throw new TypeError('not KHC1')
  return { purpose, tenantId: tenant, objectId, version, pairs }
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\u0001', 'é', '\uff5e', '😀'), maxLength: 4 })
const anyPairs = fc.array(fc.tuple(text, text), { maxLength: 4 })
const anyFields = fc.record({
  purpose: fc.constantFrom(...Object.values(contextPurpose)),
  tenantId: text,
  objectId: text,
  version: fc.integer({ min: 0, max: 0xffff_ffff }),
})

describe('context bytes', () => {
  test('read back as the same fields, so that no two sets of fields encode alike', () => {
    fc.assert(
      fc.property(anyFields, anyPairs, (some, pairs) => {
        const whole = { ...some, pairs: Object.fromEntries(pairs) }
        expect(decode(encodeContext(whole))).toEqual(whole)
      }),
      { numRuns },
    )
  })

  test('do not depend on the order of the pairs', () => {
    fc.assert(
      fc.property(anyFields, anyPairs, (some, pairs) => {
        const unique = Object.entries(Object.fromEntries(pairs))
        const turned = Object.fromEntries(unique.toReversed())
        const straight = encodeContext({ ...some, pairs: Object.fromEntries(unique) })
        expect(encodeContext({ ...some, pairs: turned }).equals(straight)).toBe(true)
      }),
      { numRuns },
    )
  })

  const alike: [string, Partial<ContextFields>, Partial<ContextFields>][] = [
    ['the border of two fields', { tenantId: 'ab', objectId: 'c' }, { tenantId: 'a', objectId: 'bc' }],
    ['the border of a key and its value', { pairs: { ab: 'c' } }, { pairs: { a: 'bc' } }],
    ['the border of two pairs', { pairs: { a: 'b', c: 'd' } }, { pairs: { a: 'bc', d: '' } }],
    ['a pair and the reversed pair', { pairs: { a: 'b' } }, { pairs: { b: 'a' } }],
    ['no pair and an empty one', {}, { pairs: { '': '' } }],
    ['the purpose', { purpose: contextPurpose.value }, { purpose: contextPurpose.file }],
    ['the version', { version: 1 }, { version: 2 ** 24 }],
    ['composed and decomposed characters', { tenantId: 'é' }, { tenantId: 'e\u0301' }],
    ['upper and lower case', { tenantId: 'a' }, { tenantId: 'A' }],
    ['the key __proto__ and no pair', { pairs: parsed('{ "__proto__": "x" }') }, {}],
  ]

  test.each(alike)('differ for %s', (_, one, two) => {
    const [first, second] = [encodeContext({ ...fields, ...one }), encodeContext({ ...fields, ...two })]
    expect(first.equals(second)).toBe(false)
  })

  test('have their pairs in the order of UTF-8 bytes, which is not the order of UTF-16', () => {
    const keys = Object.keys(
      decode(encodeContext({ ...fields, pairs: { '😀': '', '\uff5e': '', z: '' } })).pairs ?? {},
    )
    expect(keys).toEqual(['z', '\uff5e', '😀'])
    expect(['😀', '\uff5e', 'z'].sort()).toEqual(['z', '😀', '\uff5e'])
  })

  test.each([
    ['the tenant id', { tenantId: 't\ud800' }],
    ['the object id', { objectId: '\udfff' }],
    ['a key', { pairs: { '\ud800': '' } }],
    ['a value', { pairs: { a: '\udfff' } }],
  ])('are not made of a lone surrogate in %s', (_, changes) => {
    expect(() => encodeContext({ ...fields, ...changes })).toThrow(TypeError)
  })

  test.each([-1, 1.5, 2 ** 32, Number.NaN, Infinity])('are not made of version %d', (version) => {
    expect(() => encodeContext({ ...fields, version })).toThrow(RangeError)
  })

  test('are not made of a string that is too long, nor of too many pairs', () => {
    const fits = 'x'.repeat(65_535)
    expect(decode(encodeContext({ ...fields, tenantId: fits })).tenantId).toBe(fits)
    expect(() => encodeContext({ ...fields, tenantId: `${fits}x` })).toThrow(RangeError)
    expect(() => encodeContext({ ...fields, pairs: { k: `${fits}x` } })).toThrow(RangeError)
    expect(() => encodeContext({ ...fields, pairs: pairsOf(65_536) })).toThrow(RangeError)
  })
})
