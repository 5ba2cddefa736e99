// A replica keeps outside of the database what it has verified there, never what somebody else has written.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { openTestMacs } from '../../../testkit/src/database/test-macs.ts'
import {
  gatherRecords,
  type GenerationRecord,
} from '../../src/installation/generations/generation-records.ts'
import { createGenerationRounds } from '../../src/installation/generations/generation-rounds.ts'
import { createGenerations } from '../../src/store/authentic/seen-generations.ts'
import { createStore } from '../../src/store/store.ts'
import { findOlder, verifiedGlances } from '../../src/wiring/commands/restore/find-older.ts'
import { insertTenant } from '../store/stored-rows.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())

let id: string
let tenants = 0
beforeEach(async () => {
  id = `kept-${++tenants}`
  await insertTenant(stores.store, id)
})

type Records = ReturnType<typeof gatherRecords>

/** A replica that remembers what is in `kept`. */
async function open(
  kept: Records = gatherRecords(),
  requiresMacs = true,
  unclear: readonly GenerationRecord[] = [],
) {
  const generations = createGenerations()
  for (const { tenantId, generation } of kept.fences.values()) generations.fences.prime(tenantId, generation)
  for (const { tenantId, generation } of kept.guards.values()) generations.guards.prime(tenantId, generation)
  const { db } = stores
  const store = createStore(db, stores.store.clock, {
    macs: await openTestMacs(db, requiresMacs),
    generations,
  })
  const [older, newest]: [string[], string[]] = [[], []]
  let count = 0
  let failure: Error | undefined
  const readGuard: typeof store.generations.readGuard = (tenantId) =>
    failure === undefined ? store.generations.readGuard(tenantId) : Promise.reject(failure)
  const rounds = createGenerationRounds({
    store: { ...store, generations: { ...store.generations, readGuard } },
    ...{ generations, unclear, tenants: [...kept.guards.keys()] },
    writer: {
      write(records) {
        for (const record of records) kept.add(record)
        count += records.length
      },
      settled: () => Promise.resolve(),
    },
    onOlder: (tenantId) => older.push(tenantId),
    onOver: (tenantId, how) => newest.push(how === 'newest' ? tenantId : `${tenantId} ${how}`),
  })
  return {
    store,
    kept,
    older,
    newest,
    round: () => rounds.round(),
    end: () => rounds.end(),
    keep: rounds.keep.bind(rounds),
    fail: (error: Error) => (failure = error),
    written: () => count,
    count: () => rounds.older(),
  }
}

const rowOf = async (table: 'tenants' | 'tenant_guards', tenantId = id) =>
  (
    await stores.query(
      `select row_to_json(t)::text as row, generation::float8 as generation from keyhold.${table} t
        where ${table === 'tenants' ? 'id' : 'tenant_id'} = $1`,
      [tenantId],
    )
  )[0]
async function putBack(row: unknown): Promise<void> {
  for (const table of ['tenant_guards', 'tenant_locks'])
    await stores.query(`delete from keyhold.${table} where tenant_id = $1`, [id])
  await stores.query(
    'insert into keyhold.tenant_guards select * from json_populate_record(null::keyhold.tenant_guards, $1::json)',
    [row],
  )
}
const lock = (store = stores.store) => store.transaction((transaction) => transaction.guards.lock(id, 'ak_1'))
const refused = { code: 'ERR_RECORD_NOT_AUTHENTIC' }

test('the generations and the decisions of rows that were read are kept, once', async () => {
  const { store, kept, round, written } = await open()
  await store.guards.find(id)
  await store.tenants.findFence(id)
  await round()
  const [fence, guard] = [await rowOf('tenants'), await rowOf('tenant_guards')]
  expect(kept.fences.get(id)).toEqual({
    ...{ kind: 'fence', tenantId: id, generation: fence?.generation },
    known: {
      generation: fence?.generation,
      facts: {
        ...{ isEnding: false, currentFingerprint: null, liveJobId: null, isLiveJobCancelled: false },
        ...{ minimumVersions: {}, openDestructions: [], doneDestructions: [] },
      },
    },
  })
  expect(kept.guards.get(id)?.known?.facts).toMatchObject({ lockedAtMs: null, apiKeys: [] })

  const { lockedAt } = await lock(store)
  await round()
  expect(kept.guards.get(id)).toMatchObject({
    generation: Number(guard?.generation) + 1,
    known: { facts: { lockedAtMs: lockedAt.getTime(), lockedBy: 'ak_1' } },
  })
  const before = written()
  await store.guards.find(id)
  await round()
  expect(written()).toBe(before)
})

test('a transaction that is not committed leaves no trace', async () => {
  const { store, kept, round } = await open()
  await expect(
    store.transaction(async (transaction) => {
      await transaction.guards.lock(id, 'ak_1')
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  await round()
  expect(kept.guards.size).toBe(0)
})

test('of a row that was put back, the generation is kept and its content is not', async () => {
  const { store, kept, round } = await open()
  const before = await rowOf('tenant_guards')
  await lock(store)
  await putBack(before?.row)
  await round()
  expect(kept.guards.get(id)).toMatchObject({ generation: Number(before?.generation) + 1, known: undefined })
})

test('who starts with what was kept refuses older rows of that tenant alone, until the newest ones are back', async () => {
  const { store, kept, round } = await open()
  const before = await rowOf('tenant_guards')
  await lock(store)
  const neighbour = `${id}-neighbour`
  await insertTenant(store, neighbour)
  await store.guards.find(neighbour)
  await round()
  const newest = await rowOf('tenant_guards')
  await putBack(before?.row)

  const next = await open(kept)
  await expect(next.store.guards.find(id)).rejects.toMatchObject(refused)
  expect(await next.store.guards.find(neighbour)).toBeDefined()
  await next.round()
  await next.round()
  expect([next.older, next.newest, next.count()]).toEqual([[id], [], 1])
  // Who knows nothing takes them for the newest: the threat model names it.
  expect((await (await open()).store.guards.find(id))?.lock).toBeUndefined()

  // A row that nobody has signed does not end the alarm, whatever it shows. Nor does one that is gone.
  await stores.query('update keyhold.tenant_guards set generation = 2 ^ 50 where tenant_id = $1', [id])
  await next.round()
  await stores.query(`begin; set local session_replication_role = replica;
    create table public.away as select * from keyhold.tenants where id = '${id}';
    delete from keyhold.tenants where id = '${id}'; commit`)
  await next.round()
  expect([next.older, next.newest, next.count()]).toEqual([[id], [], 1])
  await stores.query(`begin; set local session_replication_role = replica;
    insert into keyhold.tenants select * from public.away; drop table public.away; commit`)

  await putBack(newest?.row)
  await next.round()
  expect([next.older, next.newest, next.count()]).toEqual([[id], [id], 0])
  expect((await next.store.guards.find(id))?.lock).toBeDefined()
})

test('a look that comes before a change, and a memory that comes after it, raise no alarm', async () => {
  const { store, kept, round } = await open()
  await store.guards.find(id)
  await store.tenants.findFence(id)
  await round()
  const { tenants, guards, destructions, macs, generations: queries } = store
  const generations = createGenerations()
  generations.guards.prime(id, kept.guards.get(id)?.generation ?? 0)
  const older: string[] = []
  const rounds = createGenerationRounds({
    store: {
      ...{ tenants, guards, destructions, macs },
      // The answer of a statement that began before.
      generations: { ...queries, glance: () => Promise.resolve([{ tenantId: id, fence: 0, guard: 0 }]) },
    },
    ...{ generations, tenants: [id] },
    writer: { write: () => undefined, settled: () => Promise.resolve() },
    onOlder: (tenantId) => older.push(tenantId),
    onOver: () => undefined,
  })
  await rounds.round()
  expect([older, rounds.older()]).toEqual([[], 0])
})

test('what cannot be read at the end is kept as a generation alone, and its decisions are read later', async () => {
  const { store, kept, end, fail } = await open()
  const { lockedAt } = await lock(store)
  fail(new Error('the database is away'))
  await end()
  const { generation } = (await rowOf('tenant_guards')) ?? {}
  expect(kept.guards.get(id)).toEqual({ kind: 'guard', tenantId: id, generation, known: undefined })

  const next = await open(kept, true, [...kept.guards.values()])
  await next.round()
  expect(kept.guards.get(id)?.known).toMatchObject({ generation, facts: { lockedAtMs: lockedAt.getTime() } })
})

test('a tenant that was deleted and made again, and a folder that lags, raise no alarm', async () => {
  const { store, kept, round } = await open()
  await lock(store)
  await store.tenants.findFence(id)
  await round()
  // As it is kept: the rows go on meanwhile.
  await store.transaction((transaction) => transaction.guards.unlock(id))
  await stores.query(`begin; set local session_replication_role = replica;
    delete from keyhold.tenants where id = '${id}'; delete from keyhold.tenant_guards where tenant_id = '${id}';
    delete from keyhold.tenant_keys where tenant_id = '${id}'; delete from keyhold.tenant_locks where tenant_id = '${id}';
    delete from keyhold.key_providers where tenant_id = '${id}'; commit`)
  const gone = await open(kept)
  await gone.round()
  expect([await gone.store.guards.find(id), gone.older]).toEqual([undefined, []])

  await insertTenant(stores.store, id)
  const again = await open(kept)
  await again.round()
  expect(await again.store.guards.find(id)).toMatchObject({ lock: undefined })
  expect(await again.store.tenants.findFence(id)).toBeDefined()
  expect(again.older).toEqual([])
})

test('before the adoption nothing is kept: what rows say then must get no MAC', async () => {
  const { store, kept, round } = await open(gatherRecords(), false)
  await store.guards.find(id)
  await round()
  expect(kept.guards.size).toBe(0)
})

test('a lock is kept at once, and a database that does not answer holds up nobody', async () => {
  const { store, kept, keep, fail, round, written } = await open()
  const { lockedAt } = await lock(store)
  await keep('guard', id)
  expect(kept.guards.get(id)?.known?.facts).toMatchObject({ lockedAtMs: lockedAt.getTime() })
  const before = written()
  await round()
  // The round has the fence alone to write.
  expect(written() - before).toBeLessThan(2)
  expect(kept.guards.size).toBe(1)

  await store.transaction((transaction) => transaction.guards.unlock(id))
  fail(new Error('away'))
  await keep('guard', id)
  expect(kept.guards.get(id)?.known?.facts).toMatchObject({ lockedAtMs: lockedAt.getTime() })
})

test('the alarm about a tenant ends when another replica has deleted the tenant, and not when somebody else has', async () => {
  const { store, kept, round } = await open()
  const before = await rowOf('tenant_guards')
  await lock(store)
  await round()
  await putBack(before?.row)
  const next = await open(kept)
  await next.round()
  expect(next.older).toEqual([id])
  // Who knows nothing of the newer row deletes the tenant as Keyhold does.
  const other = (await open()).store
  const { id: destruction } = await other.withFence(id, ({ destructions }) =>
    destructions.insert({ id: randomUUID(), tenantId: id, kind: 'tenant', inDays: 7, scheduledBy: 'ak_1' }),
  )
  const away = `begin; set local session_replication_role = replica; delete from keyhold.tenants where id = '${id}'; commit`
  const row = await rowOf('tenants')
  await stores.query(away)
  await next.round()
  expect(next.newest).toEqual([])
  await stores.query(
    'insert into keyhold.tenants select * from json_populate_record(null::keyhold.tenants, $1::json)',
    [row?.row],
  )
  await other.withFence(id, ({ destructions }) => destructions.finish(id, destruction, new Date(), 'signed'))
  await stores.query(away)
  await next.round()
  expect([next.newest, next.count()]).toEqual([[`${id} deleted`], 0])
})

test('doctor believes no generation of an older row that nobody has signed', async () => {
  const { store, kept, round } = await open()
  const before = await rowOf('tenant_guards')
  await store.tenants.findFence(id)
  await lock(store)
  await round()
  await putBack(before?.row)
  await stores.query('update keyhold.tenant_guards set generation = 2 ^ 50 where tenant_id = $1', [id])
  const next = (await open()).store
  const { tenants: older } = await findOlder(verifiedGlances(next), kept)
  expect(older).toMatchObject([
    { tenantId: id, guard: { shown: 0 }, fence: { shown: (await rowOf('tenants'))?.generation } },
  ])
  await stores.query(`update keyhold.tenants set generation = 2 ^ 50 where id = '${id}'`)
  expect((await findOlder(verifiedGlances(next), kept)).tenants).toMatchObject([{ fence: { shown: 0 } }])
})
