// Data keys in memory: as long as their own time and their tenant key's, whichever ends first.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { wrapDataKey } from '@keyhold/core'
import type { FoundCipherkeyRow } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { Store } from '../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import {
  createCountingKms,
  createKeyring,
  createTenant,
  destroyTenantKey,
  moveToNewTenantKey,
  ttlMs,
  type CountingKms,
  type Keyring,
} from './keyring-under-test.ts'
import { rewrapAll } from '../store/stored-rows.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let database: TestStores
let plainStore: Store
let store: Store
let reads: number
let onRead: ((rows: FoundCipherkeyRow[]) => Promise<FoundCipherkeyRow[]>) | undefined
let kms: CountingKms
let keyring: Keyring
let mine: string
let other: string
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  plainStore = database.store
})
afterAll(() => postgres.stop())

let tenants = 0
let tenantId: string
const newTenant = (keyArn: string) => createTenant(plainStore, kms, `tenant-${++tenants}`, keyArn)

beforeEach(async () => {
  kms = createCountingKms()
  ;[mine, other] = kms.arns
  reads = 0
  onRead = undefined
  const { cipherkeys } = plainStore
  store = {
    ...plainStore,
    cipherkeys: {
      ...cipherkeys,
      async listFound(...args) {
        reads++
        const rows = await cipherkeys.listFound(...args)
        return onRead === undefined ? rows : onRead(rows)
      },
    },
  }
  keyring = createKeyring(store, kms)
  tenantId = await newTenant(mine)
})

const after = (ms: number) => {
  keyring.clock.nowMs += ms
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await plainStore.tenants.find('nobody')
}

/** Rewraps the cipherkey under another version, as the phase "copy" does. */
async function rewrap(dataKeyId: string, toVersion: number): Promise<void> {
  const row = await plainStore.cipherkeys.find(tenantId, dataKeyId, 1)
  const fresh = createKeyring(plainStore, kms)
  const target = await fresh.tenantKeys.get(tenantId, toVersion)
  const dataKey = await fresh.dataKeys.get(tenantId, dataKeyId, 1)
  if (row === undefined || target === undefined || dataKey === undefined) throw new Error('no row')
  const done = await rewrapAll(plainStore, tenantId, toVersion, [
    {
      dataKeyId,
      version: 1,
      oldWrapped: row.wrapped,
      oldTenantKeyVersion: row.tenantKeyVersion,
      newWrapped: wrapDataKey(target.tenantKey, dataKey, row),
    },
  ])
  expect(done).toBe(1)
}

test('a hundred callers at once get one new data key, with one row and one KMS call', async () => {
  const keys = await Promise.all(
    Array.from({ length: 100 }, () => keyring.dataKeys.getActive(tenantId, 'default')),
  )
  expect(new Set(keys).size).toBe(1)
  expect(await store.surveys.count(tenantId)).toBe(1)
  expect(kms.calls()).toBe(1)
})

test('a data key is the same by its name and by its id, read by one replica or another', async () => {
  const made = await keyring.dataKeys.getActive(tenantId, 'default')
  expect(await keyring.dataKeys.get(tenantId, made.id, made.version)).toBe(made)
  expect(reads).toBe(0)
  const elsewhere = await createKeyring(store, kms).dataKeys.get(tenantId, made.id, made.version)
  expect(elsewhere?.key.equals(made.key)).toBe(true)
})

test('a data key that does not exist, or is another tenant’s, is not there', async () => {
  const neighbour = await newTenant(other)
  const made = await keyring.dataKeys.getActive(neighbour, 'default')
  expect(await keyring.dataKeys.get(tenantId, made.id, 1)).toBeUndefined()
  expect(await keyring.dataKeys.get(neighbour, made.id, 2)).toBeUndefined()
  await expect(keyring.dataKeys.getActive('nobody', 'default')).rejects.toMatchObject({
    code: 'ERR_TENANT_NOT_FOUND',
  })
})

slowTest('it is read again after its own time, even while its tenant key is fresh', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  after(ttlMs * 0.9)
  await keyring.tenantKeys.get(tenantId, 1)
  await expect.poll(() => kms.calls()).toBe(2)
  await settle()
  after(ttlMs * 0.1)
  expect(reads).toBe(0)
  await keyring.dataKeys.get(tenantId, id, 1)
  expect(reads).toBe(1)
  expect(kms.calls()).toBe(2)
})

test('it never outlives its tenant key, though its own time is not over', async () => {
  await keyring.tenantKeys.get(tenantId, 1)
  after(ttlMs / 2)
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  kms.fail(mine, 'ERR_KMS_TIMEOUT')
  after(ttlMs / 2 - 1)
  expect(await keyring.dataKeys.get(tenantId, id, 1)).toBeDefined()
  await settle()
  after(1)
  await expect(keyring.dataKeys.get(tenantId, id, 1)).rejects.toMatchObject({ code: 'ERR_KMS_TIMEOUT' })
  await expect(keyring.dataKeys.getActive(tenantId, 'default')).rejects.toMatchObject({
    code: 'ERR_KMS_TIMEOUT',
  })
})

slowTest('a data key in use keeps its tenant key fresh, so that nobody waits for the KMS', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  for (let minute = 0; minute < 5; minute++) {
    after(ttlMs * 0.85)
    const release = kms.hold()
    expect(await keyring.dataKeys.get(tenantId, id, 1)).toBeDefined()
    release()
    await expect.poll(() => kms.calls()).toBe(minute + 2)
    await settle()
  }
})

test('a refusal of the KEK ends the data keys under it at once, and no others', async () => {
  const neighbour = await newTenant(other)
  const theirs = await keyring.dataKeys.getActive(neighbour, 'default')
  const ours = await keyring.dataKeys.getActive(tenantId, 'default')
  const sibling = await newTenant(mine)
  kms.fail(mine, 'ERR_KMS_KEY_DISABLED')
  await expect(keyring.dataKeys.getActive(sibling, 'default')).rejects.toMatchObject({
    code: 'ERR_KMS_KEY_DISABLED',
  })
  for (const ask of [
    () => keyring.dataKeys.get(tenantId, ours.id, 1),
    () => keyring.dataKeys.getActive(tenantId, 'default'),
  ]) {
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_KMS_KEY_DISABLED' })
  }
  expect(await keyring.dataKeys.get(neighbour, theirs.id, 1)).toBe(theirs)
  expect(kms.calls(other)).toBe(1)
})

slowTest('a tenant key that had to make room takes its data keys with it', async () => {
  keyring = createKeyring(store, kms, { maxTenantKeys: 1 })
  const ours = await keyring.dataKeys.getActive(tenantId, 'default')
  await keyring.dataKeys.getActive(await newTenant(other), 'default')
  kms.fail(mine, 'ERR_KMS_DENIED')
  await expect(keyring.dataKeys.get(tenantId, ours.id, 1)).rejects.toMatchObject({ code: 'ERR_KMS_DENIED' })
})

test('a time of 0 holds nothing: each reading asks the database and the KMS', async () => {
  keyring = createKeyring(store, kms, { ttlMs: 0 })
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  const before = kms.calls()
  for (let call = 1; call <= 3; call++) {
    expect(await keyring.dataKeys.get(tenantId, id, 1)).toBeDefined()
    expect([reads, kms.calls() - before]).toEqual([call, call])
  }
})

slowTest('only so many are held', async () => {
  keyring = createKeyring(store, kms, { maxDataKeys: 4 })
  for (const name of ['a', 'b', 'c']) await keyring.dataKeys.getActive(tenantId, name)
  const held = ['a', 'b', 'c'].filter((name) => keyring.dataKeys.findHeldActive(tenantId, name) !== undefined)
  expect(keyring.dataKeys.counts()).toMatchObject({ entries: 4, evictedForRoom: 2 })
  expect(held.length).toBeLessThanOrEqual(3)
  expect(reads).toBe(0)
  for (const name of ['a', 'b', 'c']) expect(await keyring.dataKeys.getActive(tenantId, name)).toBeDefined()
  expect(keyring.dataKeys.counts().entries).toBe(4)
})

test('a change of one data key ends its entries, under its name and its id, and those of no other', async () => {
  const [changed, other] = [
    await keyring.dataKeys.getActive(tenantId, 'changed'),
    await keyring.dataKeys.getActive(tenantId, 'other'),
  ]
  keyring.dataKeys.evict(tenantId, changed.id)
  expect(keyring.dataKeys.findHeldActive(tenantId, 'changed')).toBeUndefined()
  expect(keyring.dataKeys.findHeld(tenantId, changed.id, 1)).toBeUndefined()
  expect(keyring.dataKeys.findHeldActive(tenantId, 'other')).toBe(other)
  expect(keyring.dataKeys.findHeld(tenantId, other.id, 1)).toBe(other)
})

slowTest(
  'a reader that meets a destroyed version reads the cipherkey once more and follows the rewrap',
  async () => {
    const made = await keyring.dataKeys.getActive(tenantId, 'default')
    await moveToNewTenantKey(plainStore, kms, other, tenantId)
    keyring = createKeyring(store, kms)
    onRead = async (rows) => {
      onRead = undefined
      // Between this reading and the unwrapping, the migration ends.
      await rewrap(made.id, 2)
      await destroyTenantKey(database, tenantId, 1)
      return rows
    }
    const read = await keyring.dataKeys.get(tenantId, made.id, 1)
    expect(read?.key.equals(made.key)).toBe(true)
    expect(reads).toBe(2)
  },
)

test('a cipherkey that stays under a destroyed version is damage, found after two readings', async () => {
  const made = await keyring.dataKeys.getActive(tenantId, 'default')
  await moveToNewTenantKey(plainStore, kms, other, tenantId)
  await destroyTenantKey(database, tenantId, 1)
  keyring = createKeyring(store, kms)
  await expect(keyring.dataKeys.get(tenantId, made.id, 1)).rejects.toMatchObject({
    code: 'ERR_KEY_INTEGRITY',
  })
  expect(reads).toBe(2)
})

slowTest('what failed is not held: the next caller tries again', async () => {
  const made = await createKeyring(store, kms).dataKeys.getActive(tenantId, 'default')
  kms.fail(mine, 'ERR_KMS_UNREACHABLE')
  await expect(keyring.dataKeys.get(tenantId, made.id, 1)).rejects.toMatchObject({
    code: 'ERR_KMS_UNREACHABLE',
  })
  kms.fail(mine, undefined)
  expect(await keyring.dataKeys.get(tenantId, made.id, 1)).toBeDefined()
})
