// Rotating a data key and setting its minimum version: what this replica does at once, and the others when they hear.
import type { DataKey } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { rotateDataKey } from '../../src/data/rotate-data-key.ts'
import { setMinimumVersion } from '../../src/data/set-minimum-version.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { FoundCipherkeyRow } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { Store } from '../../src/store/store.ts'
import {
  createCountingKms,
  createKeyring,
  createTenant,
  ttlMs,
  type CountingKms,
  type Keyring,
} from '../keyring/keyring-under-test.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { rewrapAll } from '../store/stored-rows.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let plainStore: Store
let store: Store
let kms: CountingKms
let here: Keyring
let elsewhere: Keyring
let tenantId: string
let first: DataKey
let announced: string[]
let onRead: ((rows: FoundCipherkeyRow[]) => Promise<FoundCipherkeyRow[]>) | undefined
let tenants = 0
beforeAll(async () => {
  postgres = await openTestPostgres()
  plainStore = (await postgres.createStores()).store
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  kms = createCountingKms()
  onRead = undefined
  const { cipherkeys } = plainStore
  store = {
    ...plainStore,
    cipherkeys: {
      ...cipherkeys,
      async listFound(...args) {
        const rows = await cipherkeys.listFound(...args)
        return onRead === undefined ? rows : onRead(rows)
      },
    },
  }
  here = createKeyring(store, kms)
  elsewhere = createKeyring(plainStore, kms)
  tenantId = await createTenant(plainStore, kms, `tenant-${++tenants}`, kms.arns[0])
  announced = []
  first = await here.dataKeys.getActive(tenantId, 'default')
  await elsewhere.dataKeys.getActive(tenantId, 'default')
})

const parts = () => ({
  store,
  dataKeys: here.dataKeys,
  announce: (of: string, dataKeyId: string) => {
    announced.push(`${of}/${dataKeyId}`)
  },
})
const raise = (minimumVersion: number) =>
  setMinimumVersion(parts(), tenantId, { keyName: 'default', minimumVersion }, systemActor)
const versionIn = async ({ dataKeys }: Keyring) => (await dataKeys.getActive(tenantId, 'default')).version
const readIn = async ({ dataKeys }: Keyring) => dataKeys.get(tenantId, first.id, 1)

test('a rotation takes effect here at once, elsewhere when it is told of it', async () => {
  const changed = await rotateDataKey(parts(), tenantId, 'default', systemActor)
  expect(changed).toMatchObject({ dataKeyId: first.id, minimumVersion: 1 })
  expect(await versionIn(here)).toBe(2)
  expect(announced).toEqual([`${tenantId}/${first.id}`])
  expect(await versionIn(elsewhere)).toBe(1)
  elsewhere.dataKeys.evict(tenantId, first.id)
  expect(await versionIn(elsewhere)).toBe(2)
})

test('a minimum version takes effect here at once, elsewhere when it is told of it', async () => {
  await rotateDataKey(parts(), tenantId, 'default', systemActor)
  expect(await readIn(here)).toBeDefined()
  await raise(2)
  await expect(readIn(here)).rejects.toMatchObject({ code: 'ERR_KEY_VERSION_RETIRED' })
  expect(await readIn(elsewhere)).toBeDefined()
  elsewhere.dataKeys.evict(tenantId, first.id)
  await expect(readIn(elsewhere)).rejects.toMatchObject({ code: 'ERR_KEY_VERSION_RETIRED' })
  await raise(1)
  expect(await readIn(here)).toBeDefined()
})

test('a replica that never hears of it goes on for its TTL and no longer, in use all the while', async () => {
  await rotateDataKey(parts(), tenantId, 'default', systemActor)
  await raise(2)
  for (let passed = 0; passed < ttlMs; passed += ttlMs / 20) {
    expect(await readIn(elsewhere)).toBeDefined()
    elsewhere.clock.nowMs += ttlMs / 20
  }
  await expect(readIn(elsewhere)).rejects.toMatchObject({ code: 'ERR_KEY_VERSION_RETIRED' })
  expect(await versionIn(elsewhere)).toBe(2)
})

slowTest(
  'a key that was being read while the minimum was raised serves who asked, and is not held',
  async () => {
    await rotateDataKey(parts(), tenantId, 'default', systemActor)
    here.dataKeys.evict(tenantId, first.id)
    onRead = async (rows) => {
      onRead = undefined
      await raise(2)
      return rows
    }
    expect(await readIn(here)).toBeDefined()
    await expect(readIn(here)).rejects.toMatchObject({ code: 'ERR_KEY_VERSION_RETIRED' })
  },
)

slowTest('other data keys of the tenant, and the same id in another tenant, stay held', async () => {
  const other = await here.dataKeys.getActive(tenantId, 'other')
  here.dataKeys.evict(tenantId, first.id)
  expect(here.dataKeys.findHeld(tenantId, first.id, 1)).toBeUndefined()
  expect(here.dataKeys.findHeldActive(tenantId, 'default')).toBeUndefined()
  expect(here.dataKeys.findHeld(tenantId, other.id, 1)).toBe(other)
  expect(here.dataKeys.findHeldActive(tenantId, 'other')).toBe(other)
  here.dataKeys.evict('another-tenant', other.id)
  expect(here.dataKeys.findHeld(tenantId, other.id, 1)).toBe(other)
})

test('rewrapping does not bring a retired version back', async () => {
  await rotateDataKey(parts(), tenantId, 'default', systemActor)
  await raise(2)
  const row = await plainStore.cipherkeys.find(tenantId, first.id, 1)
  if (row === undefined) throw new Error('no row')
  const rewrapped = await rewrapAll(plainStore, tenantId, 1, [
    {
      dataKeyId: row.dataKeyId,
      version: 1,
      oldWrapped: row.wrapped,
      oldTenantKeyVersion: 1,
      newWrapped: row.wrapped,
    },
  ])
  expect(rewrapped).toBe(1)
  expect(await plainStore.cipherkeys.find(tenantId, first.id, 1)).toMatchObject({ isRetired: true })
})
