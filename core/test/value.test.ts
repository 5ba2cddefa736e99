import { describe, expect, test } from 'vitest'
import type { EncryptionContext } from '../src/context/context.ts'
import type { DataKey } from '../src/data-key.ts'
import { encodeHeader, encodeToken, parseToken, parseTokenBytes } from '../src/token.ts'
import { decryptValue, decryptValueInSteps, encryptValue, encryptValueInSteps } from '../src/value.ts'
import { codeOf, codesOf, flippedBits, testDataKey, testKey, truncations } from './support.ts'
import { undecryptableTokens } from './tokens/undecryptable-tokens.ts'

const refused = ['ERR_DECRYPTION_FAILED']
const dataKey = testDataKey()
const context = { table: 'users', column: 'ssn' }
const token = encryptValue(dataKey, context, Buffer.from('hello'))
const bytes = Buffer.from(token.slice(4), 'base64url')

const decrypt = (text: string): Buffer => decryptValue(dataKey, context, parseToken(text))
const decryptBytes = (content: Buffer): Buffer => decrypt(`kh1.${content.toString('base64url')}`)

test.each(['', 'hello', 'naïve café 🔑'])('the value %j comes back', (text) => {
  expect(decrypt(encryptValue(dataKey, context, Buffer.from(text))).toString()).toBe(text)
})

test('the pairs of a context have no order', () => {
  const turned = { column: 'ssn', table: 'users' }
  expect(decryptValue(dataKey, turned, parseToken(token)).toString()).toBe('hello')
})

describe('a token', () => {
  test('is refused with any single bit changed: as malformed in its fixed bytes, else as undecryptable', () => {
    const variants = [...flippedBits(bytes)]
    expect(codesOf(variants.slice(0, 6 * 8), decryptBytes)).toEqual(['ERR_TOKEN_INVALID'])
    expect(codesOf(variants.slice(6 * 8, 22 * 8), decryptBytes)).toEqual(refused)
    // The lowest bit of the version makes it zero, which no token has.
    const version = variants.slice(22 * 8, 26 * 8)
    expect(version.map((variant) => codeOf(() => decryptBytes(variant)))).toEqual(
      version.map((_, index) => (index === 24 ? 'ERR_TOKEN_INVALID' : 'ERR_DECRYPTION_FAILED')),
    )
    expect(codesOf(variants.slice(26 * 8), decryptBytes)).toEqual(refused)
  })

  test('is refused when it is cut or continued anywhere', () => {
    const codes = codesOf(truncations(bytes), decryptBytes)
    expect(new Set(codes)).toEqual(new Set(['ERR_TOKEN_INVALID', 'ERR_DECRYPTION_FAILED']))
    const longer = [1, 2, 3, 16, 100].map((length) => Buffer.concat([bytes, Buffer.alloc(length)]))
    expect(codesOf(longer, decryptBytes)).toEqual(refused)
  })

  test('is refused with the header or the sealed part of another token', () => {
    const other = encryptValue(testDataKey({ version: 2 }), context, Buffer.from('hello'))
    const [mine, theirs] = [parseToken(token), parseToken(other)]
    expect(codeOf(() => decrypt(encodeToken(Buffer.concat([theirs.headerBytes, mine.sealed]))))).toBe(
      refused[0],
    )
    expect(codeOf(() => decrypt(encodeToken(Buffer.concat([mine.headerBytes, theirs.sealed]))))).toBe(
      refused[0],
    )
  })
})

describe('a well-formed token is refused with', () => {
  const long = (key: DataKey) => encryptValue(key, context, Buffer.alloc(40_000, 7))
  const foreign = testDataKey({ id: '018f3c1e-0000-7000-8000-0000000000d2', key: testKey(9) })
  const rows = undecryptableTokens({ one: long(dataKey), two: long(dataKey), foreign: long(foreign) })

  test.each(rows)('%s', (_, text) => {
    expect(codeOf(() => decrypt(text))).toBe(refused[0])
  })
})

describe('a value is bound to', () => {
  const id = '018f3c1e-0000-7000-8000-0000000000d2'

  test.each([
    ['its tenant', { tenantId: '018f3c1e-7b1a-7c55-9a3e-0d5b8c1f2a11' }],
    ['its data key', { id }],
    ['the version of its data key', { version: 2 }],
    ['the bytes of its data key', { key: testKey(9) }],
  ])('%s', (_, changes) => {
    const other = testDataKey(changes)
    expect(codeOf(() => decryptValue(other, context, parseToken(token)))).toBe(refused[0])
    // A token with the header of the other key is refused too.
    const header = encodeHeader({ dataKeyId: other.id, version: other.version })
    const readdressed = parseToken(encodeToken(Buffer.concat([header, parseToken(token).sealed])))
    expect(codeOf(() => decryptValue(other, context, readdressed))).toBe(refused[0])
  })

  const contexts: EncryptionContext[] = [
    {},
    { table: 'users' },
    { table: 'users', column: 'SSN' },
    { table: 'users', Column: 'ssn' },
    { table: 'ssn', column: 'users' },
    { table: 'users', column: 'ssn', row: '' },
    { 'table\0': 'users', column: 'ssn' },
    { tableusers: '', column: 'ssn' },
    JSON.parse('{ "table": "users", "column": "ssn", "__proto__": "x" }') as EncryptionContext,
  ]

  test.each(contexts)('its context: not %j', (other) => {
    expect(codeOf(() => decryptValue(dataKey, other, parseToken(token)))).toBe(refused[0])
  })
})

describe('in steps', () => {
  const drain = <Result>(steps: Generator<void, Result>): { stops: number; result: Result } => {
    for (let stops = 0; ; stops++) {
      const step = steps.next()
      if (step.done === true) return { stops, result: step.value }
    }
  }
  const mib = 1_048_576

  test.each([0, 1, 16_383, 16_384, mib - 1, mib, mib + 1, 3 * mib])(
    '%i bytes are the same value',
    (length) => {
      const plaintext = Buffer.alloc(length, 'x')
      const sealed = drain(encryptValueInSteps(dataKey, context, plaintext))
      expect(sealed.stops).toBe(Math.floor(length / mib) + 1)
      const token = parseTokenBytes(sealed.result)
      expect(decryptValue(dataKey, context, token).equals(plaintext)).toBe(true)

      const opened = drain(
        decryptValueInSteps(dataKey, context, parseToken(encryptValue(dataKey, context, plaintext))),
      )
      expect(opened.result.equals(plaintext)).toBe(true)
    },
  )

  test.each(['the first byte', 'the last byte'])(
    'a change of %s is refused, and nothing is answered',
    (place) => {
      const { result } = drain(encryptValueInSteps(dataKey, context, Buffer.alloc(2 * mib)))
      const at = place === 'the last byte' ? result.length - 1 : result.length - 2 * mib
      result[at] = (result[at] ?? 0) ^ 1
      expect(codeOf(() => drain(decryptValueInSteps(dataKey, context, parseTokenBytes(result))))).toBe(
        'ERR_DECRYPTION_FAILED',
      )
    },
  )
})
