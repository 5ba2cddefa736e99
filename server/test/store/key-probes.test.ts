// Which probes are claimed, by whom, and when they come again.
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { DueProbe, PlannedProbe } from '../../src/store/key-probes.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { addKeys } from '../health/many-keys.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { statementOf } from '../../../testkit/src/database/statement-of.ts'

let postgres: TestPostgres
let database: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
})

const all = { hastened: 100, unhealthy: 100, healthy: 100 }
const names = (probes: readonly DueProbe[]) => probes.map(({ tenantId }) => tenantId)
const claim = (limit = 100, shares = all) => database.store.keyProbes.claim(limit, shares, 30)
const next = (
  { tenantId, fingerprint, claim: claimed }: DueProbe,
  rest: Partial<PlannedProbe> = {},
): PlannedProbe => ({
  ...{ tenantId, fingerprint, claim: claimed, inSeconds: 60, urgency: 'healthy', failures: 0 },
  ...rest,
})
const rows = () =>
  database.query(
    `select tenant_id, urgency, failures, round(extract(epoch from due_at - now())) as seconds
     from keyhold.key_probes order by tenant_id`,
  )

test('the urgent come first and the longest due, and no urgency takes more than its share', async () => {
  await addKeys(database, { prefix: 'healthy', count: 9, dueSeconds: -5_000 })
  await addKeys(database, { prefix: 'unhealthy', count: 9, dueSeconds: -9_000, urgency: 1 })
  await addKeys(database, { prefix: 'hastened', count: 2, dueSeconds: -100, urgency: 0 })
  await addKeys(database, { prefix: 'later', count: 3, dueSeconds: 100, urgency: 0 })
  const first = await claim(8, { hastened: 2, unhealthy: 2, healthy: 6 })
  expect(names(first)).toHaveLength(8)
  expect(new Set(names(first))).toEqual(
    new Set([
      'hastened1',
      'hastened2',
      'unhealthy1',
      'unhealthy2',
      'healthy1',
      'healthy2',
      'healthy3',
      'healthy4',
    ]),
  )
  // Nobody else claims a claimed probe, also where it was the longest due.
  const { rows: claimed } = {
    rows: await database.otherStore.keyProbes.claim(8, { ...all, unhealthy: 1 }, 30),
  }
  expect(new Set(names(claimed))).toEqual(
    new Set(['unhealthy3', 'healthy5', 'healthy6', 'healthy7', 'healthy8', 'healthy9']),
  )
})

test('two replicas that claim at the same moment get different keys', async () => {
  await addKeys(database, { prefix: 'key', count: 60, dueSeconds: -100 })
  const claims = await Promise.all(
    Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? database.store : database.otherStore)).map(
      ({ keyProbes }) => keyProbes.claim(10, all, 30),
    ),
  )
  const claimed = claims.flatMap(names)
  expect(new Set(claimed).size).toBe(claimed.length)
})

test('a claim that nobody ends runs out by itself, and one that is ended is planned as told', async () => {
  await addKeys(database, { prefix: 'key', count: 2, dueSeconds: -100 })
  const [one, two] = await database.store.keyProbes.claim(2, all, 0)
  if (one === undefined || two === undefined) throw new Error('nothing was claimed')
  await database.store.keyProbes.plan([next(one, { inSeconds: 40, urgency: 'unhealthy', failures: 3 })])
  expect(await rows()).toMatchObject([
    { tenant_id: 'key1', urgency: 1, failures: 3, seconds: '40' },
    { tenant_id: 'key2', urgency: 2, failures: 0 },
  ])
  expect(names(await claim())).toEqual(['key2'])
  // Another replica has it now.
  await database.store.keyProbes.plan([next(two, { inSeconds: 3_000 })])
  expect((await rows())[1]).toMatchObject({ seconds: '30' })
})

test('a probe that is brought forward while it runs comes again', async () => {
  await addKeys(database, { prefix: 'key', count: 1, dueSeconds: -100 })
  const [due] = await claim()
  if (due === undefined) throw new Error('nothing was claimed')
  expect(await database.store.keyProbes.hasten(due, 2)).toBe(true)
  await database.store.keyProbes.plan([next(due)])
  expect(await rows()).toMatchObject([{ urgency: 0, seconds: '2' }])
  expect(await database.store.keyProbes.hasten({ tenantId: 'nobody', fingerprint: 'none' }, 0)).toBe(false)
})

test('a key is probed from the transaction on that stores its first tenant key, and no longer than one is stored', async () => {
  const { store } = database
  await addKeys(database, { prefix: 'key', count: 1, dueSeconds: -100 })
  const [{ key_arn: keyArn } = {}] = await database.query('select * from keyhold.key_providers')
  await database.query('delete from keyhold.key_probes')
  const row = {
    ...{
      tenantId: 'key1',
      version: 2,
      id: '00000000-0000-4000-8000-000000000002',
      state: 'pending' as const,
    },
    ...{ keyArn: String(keyArn), wrapped: Buffer.alloc(1), keyCheckValue: Buffer.alloc(32) },
  }
  await expect(
    store.withFence('key1', async (transaction) => {
      await transaction.tenantKeys.insert(row)
      throw new Error('rolled back')
    }),
  ).rejects.toThrow('rolled back')
  expect(await rows()).toEqual([])
  await store.withFence('key1', (transaction) => transaction.tenantKeys.insert(row))
  expect(await rows()).toMatchObject([{ tenant_id: 'key1', urgency: 2, seconds: '45' }])

  await database.query(
    "update keyhold.tenant_keys set state = 'destroyed', wrapped = null, destroyed_at = now()",
  )
  await resign(database.db)
  await database.query('update keyhold.key_probes set due_at = now()')
  const [due] = await claim()
  expect(due?.wrap).toBeUndefined()
  // A tenant key that is stored just now keeps its probes.
  await store.withFence('key1', (transaction) =>
    transaction.tenantKeys.insert({ ...row, version: 3, id: row.id.replace('2', '3') }),
  )
  if (due !== undefined) await store.keyProbes.end(due)
  expect(await rows()).toHaveLength(1)
  await database.query(
    "update keyhold.tenant_keys set state = 'destroyed', wrapped = null, destroyed_at = now()",
  )
  await resign(database.db)
  await database.query('update keyhold.key_probes set due_at = now()')
  const [again] = await claim()
  if (again !== undefined) await store.keyProbes.end(again)
  expect(await rows()).toEqual([])
})

test('keys of earlier versions get the probes that they lack, and no key gets a second one', async () => {
  await addKeys(database, { prefix: 'key', count: 3, dueSeconds: 500 })
  await database.query("delete from keyhold.key_probes where tenant_id <> 'key1'")
  await database.store.keyProbes.repair(0)
  expect((await rows()).map(({ seconds }) => Number(seconds))).toEqual([501, 0, 0])
  await database.store.keyProbes.repair(0)
  expect(await rows()).toHaveLength(3)
})

test('the repair reads each key provider once, a page in each statement', async () => {
  await addKeys(database, { prefix: 'key', count: 5, dueSeconds: 500 })
  await database.query('delete from keyhold.key_probes')
  const [{ count: providers } = { count: 0 }] = await database.query(
    'select count(*)::int from keyhold.key_providers',
  )
  const sent = vi.spyOn(pg.Client.prototype, 'query')
  await database.store.keyProbes.repair(0, 2)
  const repairs = sent.mock.calls.filter((values) => statementOf(values)?.text.includes('with page as'))
  sent.mockRestore()
  expect(await rows()).toHaveLength(5)
  expect(repairs).toHaveLength(Math.floor(Number(providers) / 2) + 1)
})

test('a good answer is noted of keys that are shown as healthy, and changes nothing of others', async () => {
  await addKeys(database, { prefix: 'key', count: 3, dueSeconds: 500, answeredSecondsAgo: 1_000 })
  await database.query(
    `update keyhold.key_health set state = 'disabled', code = 'X' where tenant_id = 'key2'`,
  )
  await database.query(`update keyhold.key_health set candidate_state = 'throttled' where tenant_id = 'key3'`)
  const keys = await database.query(
    'select tenant_id, fingerprint from keyhold.key_health order by tenant_id',
  )
  await database.store.keyHealth.confirm(
    keys.map((row) => ({
      tenantId: String(row.tenant_id),
      fingerprint: String(row.fingerprint),
      region: 'eu-west-1',
    })),
  )
  const young = `select tenant_id from keyhold.key_health where checked_at > now() - interval '500 seconds'`
  expect(await database.query(young)).toEqual([{ tenant_id: 'key1' }])
})

test('others under a KEK are hastened, unless they are known to be in its state', async () => {
  await addKeys(database, {
    prefix: 'key',
    count: 4,
    dueSeconds: 500,
    isShared: true,
    answeredSecondsAgo: 10,
  })
  await addKeys(database, { prefix: 'other', count: 1, dueSeconds: 500, answeredSecondsAgo: 10 })
  await database.query(
    `update keyhold.key_health set state = 'disabled', code = 'X' where tenant_id = 'key4'`,
  )
  const [{ fingerprint } = {}] = await database.query(
    "select fingerprint from keyhold.key_probes where tenant_id = 'key1'",
  )
  const key = { tenantId: 'key1', fingerprint: String(fingerprint) }
  await database.store.keyProbes.hastenOthers(key, { region: 'eu-west-1', state: 'disabled' }, 0)
  const hastened =
    'select tenant_id from keyhold.key_probes where urgency = 0 and due_at <= now() order by tenant_id'
  expect(await database.query(hastened)).toEqual([{ tenant_id: 'key2' }, { tenant_id: 'key3' }])
})
