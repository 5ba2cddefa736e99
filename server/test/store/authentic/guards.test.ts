// A tenant's guard says whether it is locked, and how long its keys may be held. Rows beside it are for replicas of the
// version before.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { resign } from '../../../../testkit/src/database/resign.ts'
import { createSeenGenerations } from '../../../src/store/authentic/seen-generations.ts'
import { acceptGuard } from '../../../src/store/guards/accept-guard.ts'
import { readGuards } from '../../../src/store/guards/guard-rows.ts'
import { insertTenant } from '../stored-rows.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
let store: Store
/** Of a replica that runs before the rows are adopted. */
let early: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  store = stores.store
  early = await postgres.openStoreBeforeAdoption(stores.connection)
})
afterAll(() => postgres.stop())

let id: string
let tenants = 0
let first: number
beforeEach(async () => {
  id = `guarded-${++tenants}`
  await insertTenant(store, id)
  first = await generation()
})

const noted = () =>
  stores.query(
    `select (select locked_by from keyhold.tenant_locks where tenant_id = $1) as locked_by,
      key_cache_ttl_seconds as ttl from keyhold.tenants where id = $1`,
    [id],
  )
const lock = (by: string) => store.transaction((transaction) => transaction.guards.lock(id, by))
const unlock = (on = store) => on.transaction((transaction) => transaction.guards.unlock(id))
async function generation(): Promise<number> {
  const rows = await stores.query('select generation from keyhold.tenant_guards where tenant_id = $1', [id])
  return Number(rows[0]?.generation)
}
const notFound = { code: 'ERR_TENANT_NOT_FOUND' }
const faulty = { code: 'ERR_RECORD_NOT_AUTHENTIC' }

test('a lock stays the one that it was, and is noted beside the guard until it is lifted', async () => {
  const taken = await lock('ak_1')
  expect(taken).toMatchObject({ tenantId: id, lockedBy: 'ak_1', isNew: true })
  expect(await lock('ak_2')).toEqual({ ...taken, isNew: false })
  const { lockedAt } = taken
  for (const each of [store, stores.otherStore])
    expect((await each.guards.find(id))?.lock).toEqual({ tenantId: id, lockedAt, lockedBy: 'ak_1' })
  expect(await noted()).toEqual([{ locked_by: 'ak_1', ttl: null }])
  expect(await generation()).toBe(first + 1)

  expect(await unlock()).toBe(true)
  expect(await unlock()).toBe(false)
  expect((await store.guards.find(id))?.lock).toBeUndefined()
  expect(await noted()).toEqual([{ locked_by: null, ttl: null }])
  expect(await generation()).toBe(first + 2)
})

test('how long keys are held is written to both places', async () => {
  await store.guards.setKeyCacheTtlSeconds(id, 10)
  expect((await store.guards.find(id))?.keyCacheTtlSeconds).toBe(10)
  expect(await noted()).toEqual([{ locked_by: null, ttl: 10 }])
  await store.guards.setKeyCacheTtlSeconds(id, undefined)
  expect((await store.guards.find(id))?.keyCacheTtlSeconds).toBeUndefined()
})

slowTest('two changes at the same time are both made', async () => {
  await Promise.all([
    lock('ak_1'),
    store.transaction((transaction) => transaction.guards.setKeyCacheTtlSeconds(id, 7)),
    stores.otherStore.transaction((transaction) => transaction.guards.setKeyCacheTtlSeconds(id, 7)),
  ])
  expect(await store.guards.find(id)).toMatchObject({ lock: { lockedBy: 'ak_1' }, keyCacheTtlSeconds: 7 })
  expect(await generation()).toBe(first + 3)
})

slowTest('a change that is rolled back makes no later row an older one', async () => {
  const failed = store.transaction(async (transaction) => {
    await transaction.guards.lock(id, 'ak_1')
    await transaction.guards.find(id)
    throw new Error('rolled back')
  })
  await expect(failed).rejects.toThrow('rolled back')
  expect((await store.guards.find(id))?.lock).toBeUndefined()
})

slowTest('a lock that only the version before has noted counts, and unlocking lifts it', async () => {
  await stores.query(`insert into keyhold.tenant_locks values ($1, now(), 'ak_old')`, [id])
  expect((await store.guards.find(id))?.lock).toMatchObject({ lockedBy: 'ak_old' })
  expect(await lock('ak_1')).toMatchObject({ lockedBy: 'ak_old', isNew: false })
  expect(await generation()).toBe(first + 1)
  expect(await unlock()).toBe(true)
  expect((await store.guards.find(id))?.lock).toBeUndefined()
})

slowTest('the lock of a tenant does not wait for its fence', async () => {
  await store.withFence(id, async () => {
    expect(await stores.otherStore.transaction(({ guards }) => guards.lock(id, 'ak_1'))).toMatchObject({
      isNew: true,
    })
  })
})

test('without a guard the tenant is closed: it can be locked, and neither unlocked nor set', async () => {
  await stores.query('delete from keyhold.tenant_guards where tenant_id = $1', [id])
  await expect(store.guards.find(id)).rejects.toMatchObject(faulty)
  await expect(store.guards.setKeyCacheTtlSeconds(id, 10)).rejects.toMatchObject(faulty)
  expect(await lock('ak_1')).toMatchObject({ lockedBy: 'ak_1', isNew: true })
  await expect(unlock()).rejects.toMatchObject(faulty)
  expect(await noted()).toEqual([{ locked_by: 'ak_1', ttl: null }])
})

test('the guard of a tenant that had the id before is none', async () => {
  await stores.query('update keyhold.tenants set incarnation = gen_random_uuid() where id = $1', [id])
  await expect(store.guards.find(id)).rejects.toMatchObject(faulty)
  await expect(store.guards.setKeyCacheTtlSeconds(id, 10)).rejects.toMatchObject(faulty)
})

slowTest('of a tenant that is not there, nothing is found and nothing changed', async () => {
  id = 'nobody'
  expect(await store.guards.find(id)).toBeUndefined()
  await expect(lock('ak_1')).rejects.toMatchObject(notFound)
  await expect(unlock()).rejects.toMatchObject(notFound)
  await expect(store.guards.setKeyCacheTtlSeconds(id, 10)).rejects.toMatchObject(notFound)
})

test('closed are the tenants with a lock, noted or in their guard, and those with a faulty guard', async () => {
  const [locked, notedAlone, inGuardAlone, altered, gone, open] = await Promise.all(
    ['locked', 'noted', 'in-guard', 'altered', 'gone', 'open'].map(async (name) => {
      const tenantId = `${id}-${name}`
      await insertTenant(store, tenantId)
      return tenantId
    }),
  )
  for (const tenantId of [locked, inGuardAlone])
    await store.transaction(({ guards }) => guards.lock(String(tenantId), 'ak_1'))
  await stores.query('delete from keyhold.tenant_locks where tenant_id = $1', [inGuardAlone])
  await stores.query(`insert into keyhold.tenant_locks values ($1, now(), 'ak_old')`, [notedAlone])
  await stores.query('update keyhold.tenant_guards set generation = 9 where tenant_id = $1', [altered])
  const asked = [locked, inGuardAlone, altered, gone, open].map(String)
  await stores.query('delete from keyhold.tenant_guards where tenant_id = $1', [gone])

  const closed = await store.guards.listClosed(asked, new Set())
  const ofThese = (ids: string[]) => ids.filter((each) => each.startsWith(id)).sort()
  expect(ofThese(closed.locked)).toEqual([inGuardAlone, locked, notedAlone])
  expect(ofThese(closed.faulty)).toEqual([altered, gone])
})

test('a replica that has read of a lock, and of nothing else, knows an older guard', async () => {
  const columns = 'generation, locked_at, locked_by, mac'
  const [before] = await stores.query(`select ${columns} from keyhold.tenant_guards where tenant_id = $1`, [
    id,
  ])
  await lock('ak_1')
  const third = await postgres.openStore(stores.connection)
  await stores.otherStore.guards.listClosed([], new Set())
  await stores.query(
    `update keyhold.tenant_guards set (${columns}) = row($2::bigint, $3::timestamptz, $4::text, $5::bytea) where tenant_id = $1`,
    [id, ...Object.values(before ?? {})],
  )
  await stores.query('delete from keyhold.tenant_locks where tenant_id = $1', [id])
  await expect(stores.otherStore.guards.find(id)).rejects.toMatchObject(faulty)
  expect((await third.guards.find(id))?.lock).toBeUndefined()
})

test('before the adoption, rows of the version before decide, and the first change signs the guard', async () => {
  await stores.query('delete from keyhold.tenant_guards where tenant_id = $1', [id])
  await stores.query('update keyhold.tenants set key_cache_ttl_seconds = 12 where id = $1', [id])
  expect(await early.guards.find(id)).toMatchObject({ lock: undefined, keyCacheTtlSeconds: 12 })
  await stores.query(`insert into keyhold.tenant_locks values ($1, now(), 'ak_old')`, [id])
  expect(await early.guards.find(id)).toMatchObject({ lock: { lockedBy: 'ak_old' } })
  expect((await early.guards.listClosed([id], new Set())).locked).toContain(id)

  expect(await unlock(early)).toBe(true)
  await early.transaction(({ guards }) => guards.lock(id, 'ak_new'))
  expect(await store.guards.find(id)).toMatchObject({ lock: { lockedBy: 'ak_new' }, keyCacheTtlSeconds: 12 })
})

test('the adoption brings into the guard what is beside it', async () => {
  await stores.query('delete from keyhold.tenant_guards where tenant_id = $1', [id])
  await stores.query('update keyhold.tenants set key_cache_ttl_seconds = 30 where id = $1', [id])
  await stores.query(`insert into keyhold.tenant_locks values ($1, now(), 'ak_old')`, [id])
  await resign(stores.db)
  await stores.query('delete from keyhold.tenant_locks where tenant_id = $1', [id])
  expect(await store.guards.find(id)).toMatchObject({ lock: { lockedBy: 'ak_old' }, keyCacheTtlSeconds: 30 })
})

slowTest('before the adoption, a tenant that has a guard may be set by the version before', async () => {
  await store.guards.setKeyCacheTtlSeconds(id, 10)
  await stores.query('update keyhold.tenants set key_cache_ttl_seconds = 30 where id = $1', [id])
  expect((await early.guards.find(id))?.keyCacheTtlSeconds).toBe(30)
  expect((await store.guards.find(id))?.keyCacheTtlSeconds).toBe(10)
})

test('the guard of another tenant, which is authentic, vouches for nobody else', async () => {
  await insertTenant(store, `${id}-other`)
  const [other] = await readGuards(stores.db, [`${id}-other`])
  if (other === undefined) throw new Error('the tenant has no guard')
  const parts = { macs: store.macs, seen: createSeenGenerations() }
  expect(acceptGuard(parts, other, 0)?.tenant_id).toBe(`${id}-other`)
  expect(() => acceptGuard(parts, { ...other, tenantId: id }, 0)).toThrow(expect.objectContaining(faulty))
})
