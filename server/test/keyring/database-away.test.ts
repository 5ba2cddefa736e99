// While the database is away, keys in memory go on within the bounds that they have in any case.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
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
  ttlMs,
  type CountingKms,
  type Keyring,
} from './keyring-under-test.ts'

let postgres: TestPostgres
let database: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
})
afterAll(() => postgres.stop())

let kms: CountingKms
let keyring: Keyring
let tenantId: string
let reads: number
let isAway: boolean
let attempts: number
let isGone: boolean
let tenants = 0
/** Questions to the database that are on their way. */
let asked = 0

beforeEach(async () => {
  ;[reads, isAway, isGone, attempts] = [0, false, false, 0]
  kms = createCountingKms()
  const { store } = database
  /** The same question, asked of a database that may be away. */
  const guarded =
    <Args extends unknown[], Answer>(ask: (...args: Args) => Promise<Answer>) =>
    async (...args: Args) => {
      if (isAway) attempts++
      if (isAway) throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
      asked++
      try {
        return await ask(...args)
      } finally {
        asked--
      }
    }
  const { cipherkeys, tenantKeys } = store
  const guardedStore: Store = {
    ...store,
    tenantKeys: { ...tenantKeys, find: guarded(tenantKeys.find.bind(tenantKeys)) },
    cipherkeys: {
      ...cipherkeys,
      listActive: guarded(cipherkeys.listActive.bind(cipherkeys)),
      listFound: guarded(async (...args: Parameters<typeof cipherkeys.listFound>) => {
        reads++
        return isGone ? [] : cipherkeys.listFound(...args)
      }),
    },
  }
  keyring = createKeyring(guardedStore, kms)
  tenantId = await createTenant(store, kms, `tenant-${++tenants}`, kms.arns[0])
})

const after = (share: number) => {
  keyring.clock.nowMs += ttlMs * share
}

/** Waits until the readings in the background have ended. */
async function settle(): Promise<void> {
  do for (let turn = 0; turn < 20; turn++) await database.store.tenants.find('nobody')
  while (asked > 0)
}

test('a key in use is read again in the second half of its time, once, while everybody is served', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  after(0.5)
  await keyring.dataKeys.get(tenantId, id, 1)
  await settle()
  expect(reads).toBe(0)
  after(0.01)
  for (let use = 0; use < 5; use++) expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
  await settle()
  expect(reads).toBe(1)
  after(0.35)
  keyring.dataKeys.findHeld(tenantId, id, 1)
  await settle()
  after(0.145)
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
})

test('a database that goes at the worst moment ends no key in use for 0.4 of its time', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  after(0.5)
  isAway = true
  for (let step = 0; step < 8; step++) {
    after(0.05)
    expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
    expect(keyring.dataKeys.findHeldActive(tenantId, 'default')).toBeDefined()
    await settle()
  }
  isAway = false
  after(0.05)
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
  await settle()
  after(0.5)
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
})

test('it ends at the end of its time, though the KMS still allows its tenant key', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  isAway = true
  for (let step = 0; step < 19; step++) {
    after(0.05)
    expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
    await settle()
  }
  // The KMS was asked with the row that was read before.
  expect(kms.calls()).toBe(2)
  after(0.05)
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeUndefined()
  await expect(keyring.dataKeys.get(tenantId, id, 1)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('a KMS that refuses ends the key meanwhile', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  isAway = true
  kms.fail(kms.arns[0], 'ERR_KMS_DENIED')
  after(0.85)
  keyring.dataKeys.findHeld(tenantId, id, 1)
  await settle()
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeUndefined()
})

test('no tenant key opens anything whose row was not read for its time', async () => {
  const entry = await keyring.tenantKeys.get(tenantId, 1)
  if (entry === undefined) throw new Error('no tenant key')
  isAway = true
  after(0.85)
  keyring.tenantKeys.keepFresh(entry)
  await settle()
  expect(kms.calls()).toBe(2)
  after(0.16)
  expect(entry.validUntilMs).toBeGreaterThan(keyring.clock.nowMs)
  await expect(keyring.tenantKeys.get(tenantId, 1)).rejects.toMatchObject({
    code: 'ERR_DATABASE_UNAVAILABLE',
  })
  isAway = false
  expect(await keyring.tenantKeys.get(tenantId, 1)).toBe(entry)
})

test('a key that is gone when it is read ahead ends at once', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  isGone = true
  after(0.51)
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
  await settle()
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeUndefined()
})

test('after one reading found the database away, no key is read ahead for a second', async () => {
  const names = ['one', 'two', 'three']
  for (const name of names) await keyring.dataKeys.getActive(tenantId, name)
  isAway = true
  after(0.51)
  for (const name of names) {
    expect(keyring.dataKeys.findHeldActive(tenantId, name)).toBeDefined()
    await settle()
  }
  expect(attempts).toBe(1)
  keyring.clock.nowMs += 1_000
  expect(keyring.dataKeys.findHeldActive(tenantId, 'two')).toBeDefined()
  await settle()
  expect(attempts).toBe(2)
})
