// While the database is away, keys in memory go on within the bounds that they have in any case.
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
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
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let database: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
})
afterAll(() => postgres.stop())

let kms: CountingKms
let keyring: Keyring
let impatient: Keyring
let tenantId: string
let reads: number
let isAway: boolean
/** The tenant for whom alone it is away. */
let awayFor: unknown
let attempts: number
let isGone: boolean
/** Statements wait for it. */
let silence: Promise<void> | undefined
let tenants = 0
/** Questions to the database that are on their way. */
let asked = 0

beforeEach(async () => {
  ;[reads, isAway, awayFor, isGone, attempts, silence] = [0, false, 'nobody', false, 0, undefined]
  kms = createCountingKms()
  const { store } = database
  /** The same question, asked of a database that may be away. */
  const guarded =
    <Args extends unknown[], Answer>(ask: (...args: Args) => Promise<Answer>) =>
    async (...args: Args) => {
      if (isAway || args[0] === awayFor) attempts++
      if (isAway || args[0] === awayFor) throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
      await silence
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
  impatient = createKeyring(guardedStore, kms, { rowWaitMs })
  tenantId = await createTenant(store, kms, `tenant-${++tenants}`, kms.arns[0])
})

const rowWaitMs = 30

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

slowTest('a database that goes at the worst moment ends no key in use for 0.4 of its time', async () => {
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

function silent(): () => void {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  silence = promise.then(() => undefined)
  return () => {
    silence = undefined
    resolve(undefined)
  }
}

test('a database that falls silent keeps no tenant key from being asked for anew, nor a lock from being heard of late', async () => {
  keyring = impatient
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  const speak = silent()
  after(0.85)
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
  await vi.waitFor(() => {
    expect(kms.calls()).toBe(2)
  })
  await settle()
  after(0.14)
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
  await database.store.transaction((transaction) => transaction.guards.lock(tenantId, 'ak_1'))
  expect(keyring.tenantKeys.heldTenants()).toEqual([tenantId])
  speak()
  await settle()
  expect(keyring.tenantKeys.heldTenants()).toEqual([])
})

slowTest('who needs a newer row of a silent database waits for it', async () => {
  keyring = impatient
  const entry = await keyring.tenantKeys.get(tenantId, 1)
  if (entry === undefined) throw new Error('no tenant key')
  isAway = true
  after(0.85)
  keyring.tenantKeys.keepFresh(entry)
  await settle()
  after(0.16)
  isAway = false
  const speak = silent()
  const answer = keyring.tenantKeys.get(tenantId, 1)
  await setTimeout(rowWaitMs * 2)
  speak()
  expect(await answer).toBe(entry)
})

slowTest('a key that is gone when it is read ahead ends at once', async () => {
  const { id } = await keyring.dataKeys.getActive(tenantId, 'default')
  isGone = true
  after(0.51)
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeDefined()
  await settle()
  expect(keyring.dataKeys.findHeld(tenantId, id, 1)).toBeUndefined()
})

slowTest('after one reading found the database away, no key is read ahead for a second', async () => {
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

test('what keeps one tenant from being read ahead stops no other one', async () => {
  const other = await createTenant(database.store, kms, `tenant-${++tenants}`, kms.arns[0])
  const ids = new Map<string, string>()
  for (const each of [tenantId, other]) ids.set(each, (await keyring.dataKeys.getActive(each, 'one')).id)
  const find = (each: string) => keyring.dataKeys.findHeld(each, ids.get(each) ?? '', 1)
  awayFor = tenantId
  after(0.51)
  for (const each of [tenantId, other]) {
    expect(find(each)).toBeDefined()
    await settle()
  }
  expect([attempts, reads]).toEqual([1, 1])
})

test('a KMS that answers later than a row holds takes nothing from a row that was read just now', async () => {
  const entry = await keyring.tenantKeys.get(tenantId, 1)
  if (entry === undefined) throw new Error('no tenant key')
  isAway = true
  after(0.85)
  keyring.tenantKeys.keepFresh(entry)
  await settle()
  after(0.16)
  isAway = false
  const release = kms.hold()
  const calls = kms.calls()
  const answer = keyring.tenantKeys.get(tenantId, 1)
  await vi.waitFor(() => {
    expect(kms.calls()).toBe(calls + 1)
  })
  after(1.1)
  release()
  expect(await answer).toBe(entry)
})
