// The fence: who writes cipherkeys shares it, who changes what they are wrapped under has it alone.
import { sql } from 'kysely'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createStore, type Store } from '../../src/store/store.ts'
import { insertTenant, tenantId, tenantKeyRow } from './stored-rows.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { statementOf } from '../../../testkit/src/database/statement-of.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
let store: Store
let otherStore: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
afterEach(() => vi.restoreAllMocks())
beforeEach(async () => {
  stores = await postgres.createStores()
  ;({ store, otherStore } = stores)
  await insertTenant(store)
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
})

const until = async (isSo: () => boolean | Promise<boolean>) => {
  while (!(await isSo())) await sleep(2)
}
const isAnybodyWaiting = async () => {
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  return (await stores.query(waiting)).length > 0
}

/** How often the shared fence was asked for. */
function countTries(): { readonly tries: number } {
  const query = vi.spyOn(pg.Client.prototype as unknown as { query: (text: unknown) => unknown }, 'query')
  return {
    get tries() {
      return query.mock.calls.filter((values) => statementOf(values)?.text.includes('try_fence_shared'))
        .length
    },
  }
}

test('whoever has the fence alone waits until the last writer has committed', async () => {
  const done: string[] = []
  let mover: Promise<unknown> = Promise.resolve()
  await store.withFenceShared(tenantId, async () => {
    mover = otherStore.withFence(tenantId, () => Promise.resolve(done.push('mover')))
    await until(isAnybodyWaiting)
    done.push('writer')
  })
  await mover
  expect(done).toEqual(['writer', 'mover'])
})

test('a writer waits while the fence is being moved, without a connection, and then sees where it went', async () => {
  const counted = countTries()
  let writer: Promise<unknown> = Promise.resolve()
  await store.withFence(tenantId, async (transaction) => {
    writer = otherStore.withFenceShared(tenantId, (_, fence) => Promise.resolve(fence))
    await until(() => counted.tries >= 3)
    expect(await isAnybodyWaiting()).toBe(false)
    await transaction.tenants.moveFence(tenantId, 2)
  })
  expect(await writer).toMatchObject({ epoch: 1, activeTenantKeyVersion: 2 })
})

test('writers do not wait for each other, nor readers for anyone', async () => {
  await store.withFenceShared(tenantId, async () => {
    expect(await otherStore.withFenceShared(tenantId, (_, fence) => Promise.resolve(fence))).toBeDefined()
  })
  await store.withFence(tenantId, async () => {
    expect(await otherStore.tenants.findFence(tenantId)).toBeDefined()
  })
})

test('the fence of another tenant stays open', async () => {
  await insertTenant(store, 'tenant-2')
  await store.withFence(tenantId, async () => {
    expect(await otherStore.withFence('tenant-2', (_, fence) => Promise.resolve(fence))).toBeDefined()
    expect(await otherStore.withFenceShared('tenant-2', (_, fence) => Promise.resolve(fence))).toBeDefined()
  })
})

slowTest('one that has the fence alone gets in beside forty writers who never leave it empty', async () => {
  const most = 400
  let begun = 0
  let moves = 0
  let atMoves = Number.POSITIVE_INFINITY
  let inside = 0
  const write = async (writer: number) => {
    while (moves < 3 && begun < most) {
      begun += 1
      await (writer % 2 === 0 ? store : otherStore).withFenceShared(tenantId, async () => {
        inside += 1
        // While nobody moves the fence, a writer stays until another one is in. So it is never empty.
        for (let look = 0; look < 50 && inside < 2; look++) await sleep(1)
        inside -= 1
      })
    }
  }
  const writers = Array.from({ length: 40 }, (_, writer) => write(writer))
  const mover = createStore(postgres.open(stores.connection, 1), store.clock, { macs: store.macs })
  for (let move = 0; move < 3; move++) {
    await mover.withFence(tenantId, (transaction) => transaction.tenants.moveFence(tenantId, 1))
    moves += 1
    atMoves = begun
  }
  await Promise.all(writers)
  expect(atMoves).toBeLessThan(most)
})

slowTest('of twenty writers who wait one asks, and the neighbour has the connections', async () => {
  await insertTenant(store, 'neighbour')
  const small = createStore(postgres.open(stores.connection, 2), store.clock, { macs: store.macs })
  let waiting: Promise<number[]> = Promise.resolve([])
  await store.withFence(tenantId, async () => {
    const counted = countTries()
    waiting = Promise.all(
      Array.from({ length: 20 }, (_, writer) =>
        small.withFenceShared(tenantId, () => Promise.resolve(writer)),
      ),
    )
    // The first try of each, and those of the one that asks again.
    await until(() => counted.tries >= 22)
    const before = counted.tries
    for (let round = 0; round < 50; round++) {
      expect(await small.tenants.findFence('neighbour')).toBeDefined()
      await sleep(1)
    }
    // Twenty who ask every few milliseconds would have asked hundreds of times.
    expect(counted.tries - before).toBeLessThan(40)
  })
  expect(await waiting).toHaveLength(20)
})

test('who waits for too long is asked to try again, and so is everybody behind', async () => {
  const hasty = createStore(postgres.open(stores.connection, 2), store.clock, {
    macs: store.macs,
    fenceWaitMs: 50,
  })
  const work = vi.fn(() => Promise.resolve())
  await store.withFence(tenantId, async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => hasty.withFenceShared(tenantId, work)),
    )
    const unavailable = { status: 'rejected', reason: { code: 'ERR_DATABASE_UNAVAILABLE' } }
    expect(outcomes).toMatchObject(outcomes.map(() => unavailable))
  })
  expect(work).not.toHaveBeenCalled()
  await hasty.withFenceShared(tenantId, work)
  expect(work).toHaveBeenCalledOnce()
})

test('what fails under the fence fails for its caller alone', async () => {
  let others: Promise<unknown> = Promise.resolve()
  await store.withFence(tenantId, async () => {
    const counted = countTries()
    others = Promise.allSettled([
      otherStore.withFenceShared(tenantId, () => Promise.reject(new Error('mine'))),
      otherStore.withFenceShared(tenantId, () => Promise.resolve('fine')),
    ])
    await until(() => counted.tries >= 3)
  })
  expect(await others).toMatchObject([{ reason: { message: 'mine' } }, { value: 'fine' }])
})

test('each move raises the epoch by one, also of moves at the same time, and none of an undone one', async () => {
  expect(await store.tenants.findFence(tenantId)).toMatchObject({ epoch: 0, activeTenantKeyVersion: 1 })
  const epochs = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      alone(index % 2 === 0 ? store : otherStore, tenantId).tenants.moveFence(tenantId, 1),
    ),
  )
  expect(epochs.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  const undone = store.withFence(tenantId, async (transaction) => {
    await transaction.tenants.moveFence(tenantId, 2)
    throw new Error('undo')
  })
  await expect(undone).rejects.toThrow('undo')
  expect(await store.tenants.findFence(tenantId)).toMatchObject({ epoch: 10, activeTenantKeyVersion: 1 })
})

test('a tenant that does not exist has no fence, and nothing moves it', async () => {
  expect(await store.withFence('nobody', (_, fence) => Promise.resolve(fence))).toBeUndefined()
  expect(await store.withFenceShared('nobody', (_, fence) => Promise.resolve(fence))).toBeUndefined()
  await expect(alone(store, 'nobody').tenants.moveFence('nobody', 1)).rejects.toThrow()
})

slowTest(
  'a database that defaults to a higher level of isolation shows no epoch from before the wait',
  async () => {
    await stores.query(
      `do $$ begin execute format('alter database %I set default_transaction_isolation = %L', current_database(), 'serializable'); end $$`,
    )
    const db = postgres.open(stores.connection, 2)
    const strict = createStore(db, store.clock, { macs: store.macs })
    let writer: Promise<unknown> = Promise.resolve()
    const counted = countTries()
    await strict.withFence(tenantId, async (transaction) => {
      writer = strict.withFenceShared(tenantId, (_, fence) => Promise.resolve(fence))
      await until(() => counted.tries >= 1)
      await transaction.tenants.moveFence(tenantId, 2)
    })
    expect(await writer).toMatchObject({ epoch: 1 })
    const elsewhere = db
      .transaction()
      .execute((transaction) => sql`select keyhold.fence_alone(${tenantId})`.execute(transaction))
    await expect(elsewhere).rejects.toThrow('read committed')
  },
)

test('of several tenants those are found that are open, each with whether Keyhold wrote it', async () => {
  await insertTenant(store, 'ending')
  await insertTenant(store, 'forged')
  await store.withFence('ending', (transaction) => {
    transaction.tenants.end('ending')
    return Promise.resolve()
  })
  await stores.query(`update keyhold.tenants set fence_epoch = fence_epoch + 1 where id = 'forged'`)
  expect(await store.tenants.findOpen(['nobody', 'ending', 'forged', tenantId])).toEqual(
    new Map([
      [tenantId, true],
      ['forged', false],
    ]),
  )
})
