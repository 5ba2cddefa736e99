import { createSecretKey } from 'node:crypto'
import { format, inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { canBind, unwrapDataKey, wrapDataKey, wrappedDataKeyBytes } from '../src/cipherkey.ts'
import { seal } from '../src/cobblestone.ts'
import { contextPurpose, encodeContext } from '../src/context/context.ts'
import { generateKey, keyFromBytes } from '../src/data-key.ts'
import { keyCheckValue, verifyKeyCheckValue } from '../src/key-check-value.ts'
import { codeOf, codesOf, flippedBits, testDataKey, testKey, testTenantKey, truncations } from './support.ts'

const refused = 'ERR_KEY_INTEGRITY'
const tenantKey = testTenantKey()
const dataKey = testDataKey()
const facts = { keyName: 'pay', createdAtMs: 1_767_323_045_678 }
const wrapped = wrapDataKey(tenantKey, dataKey, facts)
const otherTenant = '018f3c1e-7b1a-7c55-9a3e-0d5b8c1f2a11'
const otherId = '018f3c1e-0000-7000-8000-0000000000ff'

describe('a wrapped data key', () => {
  test('unwraps to the same key and identity, under the tenant key that wrapped it', () => {
    const unwrapped = unwrapDataKey(tenantKey, dataKey, facts, wrapped)
    expect(unwrapped.key.equals(dataKey.key)).toBe(true)
    expect(unwrapped).toMatchObject({ tenantId: dataKey.tenantId, id: dataKey.id, version: 1 })
  })

  test('has 104 bytes, which differ each time, and leaves the key usable', () => {
    const again = wrapDataKey(tenantKey, dataKey, facts)
    expect([wrapped.length, again.length, wrappedDataKeyBytes]).toEqual([104, 104, 104])
    expect(again.equals(wrapped)).toBe(false)
    expect(dataKey.key.equals(testKey(1))).toBe(true)
  })

  test.each([
    ['of another tenant', { tenantId: otherTenant }],
    ['with another id', { id: otherId }],
    ['of another version', { version: 2 }],
    ['with other bytes', { key: testKey(3) }],
  ])('does not unwrap under a tenant key %s', (_, changes) => {
    expect(codeOf(() => unwrapDataKey(testTenantKey(changes), dataKey, facts, wrapped))).toBe(refused)
  })

  test.each([
    ['of another tenant', { tenantId: otherTenant }],
    ['with another id', { id: otherId }],
    ['of another version', { version: 2 }],
  ])('does not unwrap as a data key %s', (_, changes) => {
    expect(codeOf(() => unwrapDataKey(tenantKey, testDataKey(changes), facts, wrapped))).toBe(refused)
  })

  test('does not unwrap for another tenant, even if both keys name that tenant', () => {
    const theirs = { tenantId: otherTenant }
    const unwrap = () => unwrapDataKey(testTenantKey(theirs), testDataKey(theirs), facts, wrapped)
    expect(codeOf(unwrap)).toBe(refused)
  })

  test('does not unwrap with any single bit changed, cut anywhere or continued', () => {
    const unwrap = (bytes: Buffer): unknown => unwrapDataKey(tenantKey, dataKey, facts, bytes)
    expect(codesOf(flippedBits(wrapped), unwrap)).toEqual([refused])
    expect(codesOf(truncations(wrapped), unwrap)).toEqual([refused])
    expect(codeOf(() => unwrap(Buffer.concat([wrapped, Buffer.alloc(1)])))).toBe(refused)
  })

  test.each([0, 16, 31, 33])('does not unwrap to a key of %i bytes, even if it is authentic', (length) => {
    const context = encodeContext({
      purpose: contextPurpose.dataKeyWrap,
      tenantId: dataKey.tenantId,
      objectId: dataKey.id,
      version: dataKey.version,
      pairs: {
        ...{ tenantKeyId: tenantKey.id, tenantKeyVersion: '1' },
        ...{ keyName: facts.keyName, createdAt: String(facts.createdAtMs) },
      },
    })
    const odd = seal(tenantKey.key, context, Buffer.alloc(length))
    expect(codeOf(() => unwrapDataKey(tenantKey, dataKey, facts, odd))).toBe(refused)
  })

  test('is not made for a key of another tenant or of another length', () => {
    expect(() => wrapDataKey(tenantKey, testDataKey({ tenantId: otherTenant }), facts)).toThrow(TypeError)
    const short = createSecretKey(Buffer.alloc(16))
    expect(() => wrapDataKey(tenantKey, testDataKey({ key: short }), facts)).toThrow(RangeError)
    expect(() => wrapDataKey(testTenantKey({ key: short }), dataKey, facts)).toThrow(RangeError)
  })
})

describe('the facts of a cipherkey', () => {
  const formatOne = testTenantKey({ format: 1 })
  const others = [
    ['another name', { ...facts, keyName: 'chat' }],
    ['a name that looks the same', { ...facts, keyName: 'p\u0430y' }],
    ['an empty name', { ...facts, keyName: '' }],
    ['no name', { ...facts, keyName: undefined }],
    ['a later time', { ...facts, createdAtMs: facts.createdAtMs + 1 }],
    ['an earlier time', { ...facts, createdAtMs: facts.createdAtMs - 1 }],
    ['a time that is not whole', { ...facts, createdAtMs: facts.createdAtMs + 0.5 }],
    ['a time without end', { ...facts, createdAtMs: Number.POSITIVE_INFINITY }],
    ['no time', { ...facts, createdAtMs: Number.NaN }],
    ['a name that is too long', { ...facts, keyName: 'x'.repeat(65_536) }],
  ] as const

  test.each(others)('under format 2 it does not unwrap with %s', (_, other) => {
    expect(codeOf(() => unwrapDataKey(tenantKey, dataKey, other, wrapped))).toBe(refused)
    const wrappedOther = canBind(other) ? wrapDataKey(tenantKey, dataKey, other) : undefined
    if (wrappedOther === undefined) expect(() => wrapDataKey(tenantKey, dataKey, other)).toThrow(RangeError)
    else expect(codeOf(() => unwrapDataKey(tenantKey, dataKey, facts, wrappedOther))).toBe(refused)
  })

  test('a key without a name is another one than any key with a name', () => {
    const unnamed = { ...facts, keyName: undefined }
    const bytes = wrapDataKey(tenantKey, dataKey, unnamed)
    expect(unwrapDataKey(tenantKey, dataKey, unnamed, bytes).key.equals(dataKey.key)).toBe(true)
    expect(codeOf(() => unwrapDataKey(tenantKey, dataKey, { ...facts, keyName: '' }, bytes))).toBe(refused)
  })

  test.each(others)('under format 1 they say nothing: it unwraps with %s', (_, other) => {
    const bytes = wrapDataKey(formatOne, dataKey, other)
    expect(unwrapDataKey(formatOne, dataKey, facts, bytes).key.equals(dataKey.key)).toBe(true)
  })

  test('neither format opens a wrap of the other one, under the same key', () => {
    const first = wrapDataKey(formatOne, dataKey, facts)
    expect(codeOf(() => unwrapDataKey(tenantKey, dataKey, facts, first))).toBe(refused)
    expect(codeOf(() => unwrapDataKey(formatOne, dataKey, facts, wrapped))).toBe(refused)
  })

  test('the time before 1970, and the longest name, are bound as well', () => {
    const odd = { keyName: 'x'.repeat(65_535), createdAtMs: -1 }
    const bytes = wrapDataKey(tenantKey, dataKey, odd)
    expect(unwrapDataKey(tenantKey, dataKey, odd, bytes).key.equals(dataKey.key)).toBe(true)
  })
})

describe('a key check value', () => {
  const value = keyCheckValue(dataKey)

  test('has 32 bytes and is the same each time', () => {
    expect(value).toHaveLength(32)
    expect(keyCheckValue(testDataKey()).equals(value)).toBe(true)
    verifyKeyCheckValue(dataKey, value)
  })

  test('says nothing about the wrap: it is the same before and after a rewrap', () => {
    const target = testTenantKey({ id: otherId, version: 2, key: testKey(4) })
    const rewrapped = wrapDataKey(target, unwrapDataKey(tenantKey, dataKey, facts, wrapped), facts)
    verifyKeyCheckValue(unwrapDataKey(target, dataKey, facts, rewrapped), value)
  })

  test.each([
    ['another tenant', { tenantId: otherTenant }],
    ['another id', { id: otherId }],
    ['another version', { version: 2 }],
    ['other bytes', { key: testKey(3) }],
  ])('does not fit a key with %s', (_, changes) => {
    expect(
      codesOf([testDataKey(changes)], (key) => {
        verifyKeyCheckValue(key, value)
      }),
    ).toEqual([refused])
  })

  test('is refused with any single bit changed, cut anywhere or continued', () => {
    const verify = (bytes: Buffer): void => {
      verifyKeyCheckValue(dataKey, bytes)
    }
    expect(codesOf(flippedBits(value), verify)).toEqual([refused])
    expect(codesOf(truncations(value), verify)).toEqual([refused])
    expect(codesOf([Buffer.concat([value, Buffer.alloc(1)])], verify)).toEqual([refused])
  })

  // HMAC pads its key with zeros, so these two would have the same check value.
  test.each([31, 33])('is not made of a key of %i bytes', (length) => {
    const key = createSecretKey(Buffer.alloc(length))
    expect(() => keyCheckValue(testDataKey({ key }))).toThrow(RangeError)
  })
})

describe('a key in memory', () => {
  const secret = Buffer.alloc(32, 0xc5)
  const holder = testDataKey({ key: keyFromBytes(Buffer.from(secret)) })

  test('shows its bytes neither when printed nor when serialised', () => {
    const shown = [
      inspect(holder, { depth: 10, showHidden: true }),
      JSON.stringify(holder),
      format('%s %o %j', holder.key, holder, holder),
      inspect({ error: new Error('with a key', { cause: holder }) }, { depth: 10 }),
    ].join('\n')
    for (const form of [secret.toString('hex'), secret.toString('base64'), 'c5 c5 c5', '197'])
      expect(shown).not.toContain(form)
    expect(JSON.parse(JSON.stringify(holder))).toMatchObject({ key: {} })
  })

  test('wipes the bytes that it was made of', () => {
    const bytes = Buffer.from(secret)
    expect(keyFromBytes(bytes).export().equals(secret)).toBe(true)
    expect(bytes.equals(Buffer.alloc(32))).toBe(true)
  })

  test.each([0, 16, 24, 31, 33, 64])('is not made of %i bytes', (length) => {
    expect(() => keyFromBytes(Buffer.alloc(length))).toThrow(RangeError)
  })

  test('is new each time it is generated', () => {
    const keys = Array.from({ length: 1_000 }, () => generateKey().export().toString('hex'))
    expect(new Set(keys).size).toBe(1_000)
    expect(new Set(keys.map((key) => key.length))).toEqual(new Set([64]))
  })
})
