// The counts of a record: each data key once, and each name that somebody gave once.
import { expect, test } from 'vitest'
import { addToCount, describeCipherkey } from '../../src/destruction/ended-cipherkeys.ts'
import { leaseKeyName } from '../../src/keyring/lease-key-name.ts'
import type { EndedCipherkey } from '../../src/store/cipherkeys/cipherkey-ends.ts'

const ended = (dataKeyId: string, version: number, rest: Partial<EndedCipherkey>): EndedCipherkey => ({
  ...{ dataKeyId, version, state: 'active', keyName: undefined, tenantKeyVersion: 1 },
  ...{ keyCheckValue: Buffer.alloc(32), createdAt: new Date(0) },
  ...rest,
})

test('versions are counted over pages, and the data key of leases has no name of its own', () => {
  const zero = { count: 0, dataKeys: 0, keyNames: 0 }
  const first = [
    ended('a', 1, { keyName: 'named', state: 'decrypt-only' }),
    ended('a', 2, { keyName: 'named' }),
    ended('b', 1, { keyName: leaseKeyName }),
  ]
  const counted = addToCount(zero, first, undefined)
  expect(counted).toEqual({ count: 3, dataKeys: 2, keyNames: 1 })
  const second = [ended('b', 2, { keyName: leaseKeyName }), ended('c', 1, {})]
  expect(addToCount(counted, second, first.at(-1))).toEqual({ count: 5, dataKeys: 3, keyNames: 1 })
})

test('a time without end, which somebody else has written, keeps no record from being made', () => {
  const endless = Number.POSITIVE_INFINITY as unknown as Date
  expect(describeCipherkey(ended('a', 1, { createdAt: endless }))).toMatchObject({ createdAt: null })
  expect(describeCipherkey(ended('a', 1, {}))).toMatchObject({ createdAt: '1970-01-01T00:00:00.000Z' })
})
