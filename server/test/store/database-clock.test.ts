// Knowing the database's time between its readings, and ending something for ever only where both clocks allow it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { reckonDatabaseClock, type DatabaseClock } from '../../src/store/database-clock.ts'
import { newId } from '../../src/keyring/new-id.ts'
import type { Store } from '../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { insertTenant, tenantId, tenantKeyRow } from './stored-rows.ts'
import { changeDestruction, setDue } from '../../../testkit/src/database/set-due.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { alone } from '../../../testkit/src/database/alone.ts'

const [second, hour, day] = [1_000, 3_600_000, 86_400_000]

describe('the reckoned time', () => {
  /** Before its first reading, in milliseconds of the true time. */
  const startMs = Date.parse('2026-11-30T12:00:00Z')
  let trueMs: number
  let databaseAheadMs: number
  let replicaAheadMs: number
  /** How long the next reading waits before the database looks at its clock, and after that. */
  let waits: [number, number]
  let clock: DatabaseClock

  beforeEach(async () => {
    trueMs = startMs
    databaseAheadMs = 0
    replicaAheadMs = 0
    waits = [1, 1]
    clock = await reckonDatabaseClock(
      async () => {
        trueMs += waits[0]
        const answer = trueMs + databaseAheadMs
        trueMs += waits[1]
        return Promise.resolve(answer)
      },
      { wall: () => trueMs + replicaAheadMs, monotonic: () => trueMs - startMs + 5_000 },
    )
  })

  const offMs = () => clock.now().getTime() - trueMs - databaseAheadMs

  test('goes on without the database, and knows how far off it may be', async () => {
    expect(offMs()).toBe(0)
    expect(clock.errorMs()).toBe(1)
    trueMs += hour
    expect(offMs()).toBe(0)
    expect(clock.errorMs()).toBe(1 + hour / 1_000)
    await clock.refresh()
    expect(clock.errorMs()).toBe(1)
  })

  test.each([400 * day, 31 * day, -hour, -400 * day])(
    'does not follow a replica that is %d ms ahead',
    (ms) => {
      replicaAheadMs = ms
      expect(offMs()).toBe(0)
      expect(clock.skewMs()).toBe(ms)
      expect(clock.agrees()).toBe(false)
    },
  )

  test('a reading that waited for a connection is taken only for what it says', async () => {
    waits = [4_000, 0]
    await clock.refresh()
    expect(offMs()).toBe(0)
    expect(clock.errorMs()).toBeLessThan(10)
  })

  test('a database whose clock is set is followed with the next reading, a slow one included', async () => {
    for (const stepMs of [31 * day, -62 * day]) {
      databaseAheadMs += stepMs
      waits = [100, 300]
      await clock.refresh()
      expect(Math.abs(offMs())).toBeLessThanOrEqual(clock.errorMs())
      expect(clock.agrees()).toBe(false)
    }
  })

  test('the clocks agree up to a minute, less what is not known', () => {
    for (const [ms, agrees] of [
      [59 * second, true],
      [61 * second, false],
      [-59 * second, true],
      [-61 * second, false],
    ] as const) {
      replicaAheadMs = ms
      expect([ms, clock.agrees()]).toEqual([ms, agrees])
    }
    replicaAheadMs = 59 * second
    trueMs += hour
    expect(clock.agrees()).toBe(false)
  })
})

describe('an end for ever', () => {
  let postgres: TestPostgres
  let database: TestStores
  beforeAll(async () => {
    postgres = await openTestPostgres()
    database = await postgres.createStores()
    const { store } = database
    await insertTenant(store)
    await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
    await alone(store, tenantId).tenantKeys.setState(tenantId, 1, 'decrypt-only')
    await alone(store, tenantId).tenantKeys.retireOthers(tenantId, 2, [], 30)
    await alone(store, tenantId).destructions.insert({
      ...{ id: newId(new Date()), tenantId, kind: 'tenant', scheduledBy: 'test', inDays: 30 },
    })
  })
  afterAll(() => postgres.stop())

  const storeAhead = (ms: number) => postgres.openStore(database.connection, { wall: () => Date.now() + ms })

  const destructionId = async () => (await database.store.destructions.list(tenantId, 1))[0]?.id ?? ''

  /** Whether a replica would destroy each, and whether it does when it tries nevertheless. */
  async function ends(store: Store) {
    const { tenantKeys, destructions } = store
    const id = await destructionId()
    const locked = await alone(store, tenantId).destructions.lockDue(tenantId, id)
    return [
      (await tenantKeys.listDueForDestruction(10)).length > 0,
      (await destructions.listDue(10)).length > 0,
      locked !== undefined,
      await alone(store, tenantId).tenantKeys.destroy(tenantId, 1),
    ]
  }

  async function dueIn(ms: number): Promise<void> {
    await database.query(`
      update keyhold.tenant_keys set state = 'decrypt-only', wrapped = '\\x00', destroyed_at = null,
        destroy_after = now() + interval '${ms} ms' where version = 1`)
    await resign(database.db)
    await setDue(database.store, await destructionId(), ms)
  }

  // The replica's clock is ahead by the first, and the due time comes after the second, by the database's clock.
  test.each([
    [0, 30 * day, false],
    [31 * day, 30 * day, false],
    [400 * day, 30 * day, false],
    [50 * second, 30 * second, false],
    [-50 * second, -30 * second, false],
    [70 * second, -day, false],
    [-70 * second, -day, false],
    [-hour, -day, false],
    [-400 * day, -day, false],
    [0, -second, true],
    [50 * second, -second, true],
    [-50 * second, -70 * second, true],
  ])('a replica ahead by %d ms, due in %d ms: %s', async (aheadMs, inMs, isDue) => {
    await dueIn(inMs)
    expect(await ends(await storeAhead(aheadMs))).toEqual([isDue, isDue, isDue, isDue])
  })

  test('what falls due at this very moment is due, however fine the database reads its clock', async () => {
    for (let round = 0; round < 20; round++) {
      await changeDestruction(database.store, await destructionId(), 'due_at = clock_timestamp()')
      expect(await database.store.destructions.listDue(10)).toHaveLength(1)
    }
  })

  test('the counts of calls are forgotten by the same rule', async () => {
    const text = `insert into keyhold.kms_usage (tenant_id, day, region, account, action, outcome, paid_by, calls, requests)
      values ('${tenantId}', (now() at time zone 'utc')::date - 402, 'r', 'a', 'Decrypt', 'ok', 'keyhold', 1, 1),
      ('${tenantId}', (now() at time zone 'utc')::date - 10, 'r', 'a', 'Decrypt', 'ok', 'keyhold', 1, 1)`
    await database.query(text)
    const left = async () => (await database.query('select day from keyhold.kms_usage')).length
    for (const ms of [400 * day, -hour]) await (await storeAhead(ms)).kmsUsage.forget(400)
    expect(await left()).toBe(2)
    await database.store.kmsUsage.forget(400)
    expect(await left()).toBe(1)
  })
})
