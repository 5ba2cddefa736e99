// The digest of stored JSON, against known answers that another implementation of the description made.
import { expect, test } from 'vitest'
import { jsonDigest } from '../../../src/store/authentic/json-digest.ts'

const named = { dataKeyId: '01900000-0000-7000-8000-000000000001', version: 1, tenantKeyVersion: 3 }
const hex = (what: string, value: unknown) => jsonDigest(what, value).toString('hex')

test.each([
  ['destructions.cipherkeys', [named], 'cab4d845c112f9bd6e2c743abac7c5c4675a686a5b79fb870c20fce136647d97'],
  // Names are sorted by their bytes: in UTF-16 the last two come the other way round.
  [
    'x',
    { ü: 'ß', z: [true, false, null, -1, Number.MAX_SAFE_INTEGER], a: {}, '😀': '', '\uffff': '' },
    '17192e21fd846abdc1a3a89f2f4730667f3aa634b7cb029f7cdde2458e7e5074',
  ],
])('%s of %o', (what, value, digest) => {
  expect(hex(what, value)).toBe(digest)
})

test('spaces, the order of members and absent ones do not matter', () => {
  const text = '{ "version":1,\n"tenantKeyVersion" : 3.0, "dataKeyId":"01900000-0000-7000-8000-000000000001"}'
  expect(hex('x', JSON.parse(text))).toBe(hex('x', { ...named, absent: undefined }))
})

test.each([
  ['another column', 'y', {}],
  ['another member', 'x', { a: null }],
  ['a list in place of an object', 'x', []],
  ['null', 'x', null],
  ['a text', 'x', ''],
  ['0', 'x', 0],
  ['false', 'x', false],
])('%s has another digest', (_name, what, value) => {
  expect(hex(what, value)).not.toBe(hex('x', {}))
})

test.each([1.5, Number.NaN, 2 ** 53, '\ud800', { '\udc00': 1 }, 1n, () => 1])(
  'a value that JSON cannot keep is refused: %o',
  (value) => {
    expect(() => jsonDigest('x', value)).toThrow(TypeError)
  },
)
