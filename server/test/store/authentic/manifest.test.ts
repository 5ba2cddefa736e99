// The manifest names every row once, in bytes that never change: its digests stand in databases.
import { expect, test } from 'vitest'
import { manifestDigest, type ManifestEntry } from '../../../src/store/authentic/manifest.ts'

const mac = (byte: number) => Buffer.alloc(41, byte)
const entries: ManifestEntry[] = [
  { kind: 'tenantKey', key: '10', mac: mac(1) },
  { kind: 'tenantKey', key: '9', mac: mac(2) },
  { kind: 'keyProvider', key: 'f'.repeat(32), mac: mac(3) },
  { kind: 'destruction', key: '11111111-1111-4111-8111-111111111111', mac: null },
]

// Computed by another program, in Python, from the description at `manifestDigest`.
test.each([
  ['no row', [], 'b2cbc7f40a43f804c724c93fb85d77a6e7738582222f5b0b3075de6d0ee776b1'],
  ['four rows', entries, '5e4ba0b4b8cd8c4975fc85472073ea3cfe0f7116697bc9cbea805845e3b404c0'],
  ['in any order', entries.toReversed(), '5e4ba0b4b8cd8c4975fc85472073ea3cfe0f7116697bc9cbea805845e3b404c0'],
])('the digest of %s', (_, rows, expected) => {
  expect(manifestDigest(rows).toString('hex')).toBe(expected)
})

test('a row that is left out, added, renamed, of another kind or signed otherwise changes the digest', () => {
  const [first, ...rest] = entries
  if (first === undefined) throw new TypeError('no entry')
  const others: ManifestEntry[][] = [
    rest,
    [...entries, { ...first, key: '11' }],
    [{ ...first, key: '1' }, ...rest],
    [{ ...first, kind: 'minimumVersion' }, ...rest],
    [{ ...first, mac: mac(9) }, ...rest],
    [{ ...first, mac: null }, ...rest],
  ]
  const digests = [entries, ...others].map((rows) => manifestDigest(rows).toString('hex'))
  expect(new Set(digests).size).toBe(digests.length)
})
