import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBase64, parseBase64Url } from '../src/strict-base64.ts'
import { isUuid, uuidFromBytes, uuidToBytes } from '../src/uuid.ts'
import { numRuns } from './support.ts'

const forms = [
  { name: 'base64', parse: parseBase64, encoding: 'base64' },
  { name: 'base64url', parse: parseBase64Url, encoding: 'base64url' },
] as const

describe.each(forms)('$name', ({ parse, encoding }) => {
  test('any bytes come back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(parse(Buffer.from(bytes).toString(encoding))?.equals(bytes)).toBe(true)
      }),
    )
  })

  test('a text is refused, or is the only spelling of its bytes', () => {
    const text = fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[AB/+\-_= \n]*$/))
    fc.assert(
      fc.property(text, (candidate) => {
        const bytes = parse(candidate)
        if (bytes !== undefined) expect(bytes.toString(encoding)).toBe(candidate)
      }),
      { numRuns },
    )
  })

  test('the empty text parses to no bytes', () => {
    expect(parse('')).toHaveLength(0)
  })
})

test.each([
  'A',
  'AA',
  'AA=',
  'AB==',
  'AAB=',
  'AA==A',
  'AA==AA==',
  'A===',
  '=',
  '====',
  'AA==\n',
  ' AA==',
  'A A==',
])('base64 is not spelled %j', (text) => {
  expect(parseBase64(text)).toBeUndefined()
})

test('neither form accepts the letters of the other', () => {
  expect(parseBase64('-_-_')).toBeUndefined()
  expect(parseBase64Url('+/+/')).toBeUndefined()
  expect(parseBase64('+/+/')?.equals(parseBase64Url('-_-_') ?? Buffer.alloc(0))).toBe(true)
  expect(parseBase64Url('AA==')).toBeUndefined()
})

describe('UUIDs', () => {
  const uuid = '018f3c1e-7b1a-7c55-9a3e-0d5b8c1f2a10'

  test('any 16 bytes have one text, which parses to the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = uuidFromBytes(Buffer.from(bytes))
        expect(isUuid(text)).toBe(true)
        expect(uuidToBytes(text).equals(bytes)).toBe(true)
      }),
    )
  })

  test.each([
    '',
    uuid.toUpperCase(),
    uuid.replaceAll('-', ''),
    `{${uuid}}`,
    `urn:uuid:${uuid}`,
    `${uuid}\n`,
    ` ${uuid}`,
    uuid.slice(1),
    `${uuid}0`,
    uuid.replace('0', '０'),
    uuid.replace('0', 'g'),
  ])('%j is none', (text) => {
    expect(isUuid(text)).toBe(false)
    expect(() => uuidToBytes(text)).toThrow(TypeError)
  })
})
