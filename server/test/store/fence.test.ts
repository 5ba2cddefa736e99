// The fence: who writes cipherkeys holds the tenant's row shared, who changes what they are wrapped under holds it
// alone.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store, TransactionStore } from '../../src/store/store.ts'
import { insertTenant, tenantId } from './stored-rows.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/test-database.ts'

let postgres: TestPostgres
let store: Store
let otherStore: Store
let isAnybodyWaiting: () => Promise<boolean>
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  const stores = await postgres.createStores()
  ;({ store, otherStore } = stores)
  await insertTenant(store)
  isAnybodyWaiting = async () => {
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    return (await stores.query(waiting)).length > 0
  }
})

/** Whether `work` on another connection waits until the transaction that does `first` has ended. */
async function waitsFor(
  first: (transaction: TransactionStore) => Promise<unknown>,
  work: () => Promise<unknown>,
): Promise<boolean> {
  let isDone = false
  let wasDoneInside = false
  let finished: Promise<unknown> = Promise.resolve()
  await store.transaction(async (transaction) => {
    await first(transaction)
    finished = work().then(() => (isDone = true))
    while (!isDone && !(await isAnybodyWaiting())) await sleep(10)
    wasDoneInside = isDone
  })
  await finished
  return !wasDoneInside
}

const shared = (transaction: TransactionStore) => transaction.tenants.lockFenceShared(tenantId)
const alone = (transaction: TransactionStore) => transaction.tenants.lockFence(tenantId)

test('whoever moves the fence waits until the last writer has committed', async () => {
  expect(await waitsFor(shared, () => otherStore.transaction(alone))).toBe(true)
  expect(await waitsFor(shared, () => otherStore.tenants.moveFence(tenantId, 1))).toBe(true)
})

test('a writer waits while the fence is being moved, and then sees where it went', async () => {
  let seen: unknown
  const isWaiting = await waitsFor(
    async (transaction) => {
      await alone(transaction)
      await transaction.tenants.moveFence(tenantId, 2)
    },
    async () => {
      seen = await otherStore.transaction(shared)
    },
  )
  expect(isWaiting).toBe(true)
  expect(seen).toEqual({ epoch: 1, activeTenantKeyVersion: 2 })
})

test('writers do not wait for each other, nor readers for anyone', async () => {
  expect(await waitsFor(shared, () => otherStore.transaction(shared))).toBe(false)
  expect(await waitsFor(alone, () => otherStore.tenants.findFence(tenantId))).toBe(false)
})

test('the fence of another tenant stays open', async () => {
  await insertTenant(store, 'tenant-2')
  const work = () => otherStore.transaction((transaction) => transaction.tenants.lockFence('tenant-2'))
  expect(await waitsFor(alone, work)).toBe(false)
})

test('each move raises the epoch by one, also of moves at the same time, and none of an undone one', async () => {
  expect(await store.tenants.findFence(tenantId)).toEqual({ epoch: 0, activeTenantKeyVersion: 1 })
  const epochs = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      (index % 2 === 0 ? store : otherStore).tenants.moveFence(tenantId, 1),
    ),
  )
  expect(epochs.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  const undone = store.transaction(async (transaction) => {
    await transaction.tenants.moveFence(tenantId, 2)
    throw new Error('undo')
  })
  await expect(undone).rejects.toThrow('undo')
  expect(await store.tenants.findFence(tenantId)).toEqual({ epoch: 10, activeTenantKeyVersion: 1 })
})

test('a tenant that does not exist has no fence, and nothing moves it', async () => {
  expect(await store.transaction((transaction) => transaction.tenants.lockFence('nobody'))).toBeUndefined()
  expect(
    await store.transaction((transaction) => transaction.tenants.lockFenceShared('nobody')),
  ).toBeUndefined()
  await expect(store.tenants.moveFence('nobody', 1)).rejects.toThrow()
})
