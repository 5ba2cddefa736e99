// Cipherkeys are stored once, found by id or by name, and by their own tenant alone.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { CipherkeyRow, NewCipherkey } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { Store } from '../../src/store/store.ts'
import { insertTenant, newCipherkey, tenantId, tenantKeyRow } from './stored-rows.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { alone } from '../../../testkit/src/database/alone.ts'

let postgres: TestPostgres
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  ;({ store } = await postgres.createStores())
  await insertTenant(store)
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
})

async function insertMany(count: number, changes: Partial<NewCipherkey> = {}): Promise<NewCipherkey[]> {
  const rows = Array.from({ length: count }, () => newCipherkey(changes))
  await store.transaction(async (transaction) => {
    for (const row of rows) await transaction.cipherkeys.insertActive(row)
  })
  return rows
}

const stored = (row: CipherkeyRow) => store.cipherkeys.find(row.tenantId, row.dataKeyId, row.version)

test('a cipherkey is found as it was stored, by its id and by its name, and by no other tenant', async () => {
  await insertTenant(store, 'tenant-2')
  const row = newCipherkey()
  const { keyName } = row
  expect(await store.cipherkeys.insertActive(row)).toBe(true)
  expect(await stored(row)).toEqual({ ...row, isRetired: false, destroyInMs: Number.POSITIVE_INFINITY })
  expect(await store.cipherkeys.findActive(tenantId, keyName)).toMatchObject(row)
  expect(await store.cipherkeys.find('tenant-2', row.dataKeyId, 1)).toBeUndefined()
  expect(await store.cipherkeys.findActive('tenant-2', keyName)).toBeUndefined()
  expect(await store.cipherkeys.find(tenantId, row.dataKeyId, 2)).toBeUndefined()
})

test('a key name has one active data key: the second insert does nothing and says so', async () => {
  const [first] = await insertMany(1, { keyName: 'default' })
  const second = newCipherkey({ keyName: 'default' })
  expect(await store.cipherkeys.insertActive(second)).toBe(false)
  expect(await store.cipherkeys.findActive(tenantId, 'default')).toMatchObject({
    dataKeyId: first?.dataKeyId,
  })
  await insertTenant(store, 'tenant-2')
  expect(await store.cipherkeys.insertActive({ ...second, tenantId: 'tenant-2' })).toBe(true)
})

test('key names are told apart byte by byte', async () => {
  for (const keyName of ['default', 'Default', 'default ', 'défault', 'de\u0301fault']) {
    expect(await store.cipherkeys.insertActive(newCipherkey({ keyName }))).toBe(true)
  }
  expect(await store.surveys.count(tenantId)).toBe(5)
})

test('a data key id and version is stored once, and never overwritten', async () => {
  const [row] = await insertMany(1)
  const again = newCipherkey({ ...(row && { dataKeyId: row.dataKeyId }) })
  await expect(store.cipherkeys.insertActive(again)).rejects.toMatchObject({
    constraint: expect.stringMatching(/^cipherkeys_p\d\d_pkey$/) as string,
  })
})
