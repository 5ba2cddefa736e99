// The chain of records: appended with what they tell of, one after the other, never changed; and if somebody does change
// it, past all that holds him off, it is found.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemActor, type AuditEntry } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { findBrokenRecord } from './find-audit-faults.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  store = stores.store
  const { id, role } = adminActor
  await store.apiKeys.insert({ id, role, tenantId: undefined, secretHash: Buffer.alloc(32), name: '' })
})

const sql = (statement: string) => stores.query(statement)
const adminActor = { id: 'k'.repeat(16), role: 'service', traceId: '0'.repeat(32) } as const
const entry = (changes: Partial<AuditEntry> = {}): AuditEntry => ({
  tenantId: 'a',
  actor: adminActor,
  action: 'keyprovider.create',
  targetId: 'target',
  details: { keyArn: 'arn', ä: '€', z: '' },
  ...changes,
})

async function append(...entries: AuditEntry[]): Promise<void> {
  await store.transaction((transaction) => {
    for (const each of entries) transaction.audit(each)
    return Promise.resolve()
  })
}

const sequences = async (tenantId?: string) =>
  (await store.audits.list(tenantId, { after: 0, limit: 10_000 })).map(({ sequence }) => sequence)

test('records come back as they were told, each chain counted from 1', async () => {
  await append(entry(), entry({ tenantId: undefined, actor: systemActor }), entry({ tenantId: 'b' }))
  await append(entry({ targetId: 'second', details: {} }))

  const [first, second, ...rest] = await store.audits.list('a', { after: 0, limit: 10 })
  const { actor, targetId, ...told } = entry()
  expect(first).toMatchObject({
    ...{ ...told, sequence: 1, targetKind: 'key-provider', targetId },
    ...{ actorId: actor.id, actorRole: actor.role, traceId: actor.traceId },
  })
  expect(second).toMatchObject({ sequence: 2, targetId: 'second', details: {} })
  expect(rest).toEqual([])
  expect(await store.audits.list('a', { after: 1, limit: 10 })).toEqual([second])
  expect(await store.audits.list('a', { after: 0, limit: 1 })).toEqual([first])
  expect(await sequences('b')).toEqual([1])
  expect(await store.audits.list(undefined, { after: 0, limit: 10 })).toMatchObject([
    { tenantId: undefined, sequence: 1, actorId: 'system', actorRole: undefined, traceId: undefined },
  ])
  for (const chain of ['a', 'b', undefined]) expect(await findBrokenRecord(store, chain)).toBeUndefined()
})

test('what is not committed was never told', async () => {
  await append(entry())
  const failing = store.transaction((transaction) => {
    transaction.audit(entry())
    return Promise.reject(new Error('undone'))
  })

  await expect(failing).rejects.toThrow('undone')
  expect(await sequences('a')).toEqual([1])
  expect(await findBrokenRecord(store, 'a')).toBeUndefined()
})

slowTest(
  'many writers at once, on two replicas and in two chains each, leave no gap and no deadlock',
  async () => {
    const { otherStore } = stores
    const write = (index: number) =>
      (index % 2 === 0 ? store : otherStore).transaction((transaction) => {
        const chains = index % 3 === 0 ? ['b', 'a'] : ['a', 'b']
        for (const tenantId of chains) transaction.audit(entry({ tenantId, targetId: String(index) }))
        return Promise.resolve()
      })
    // As many as there are connections: nobody waits for one.
    const writers = 20
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let index = writer; index < 200; index += writers) await write(index)
      }),
    )

    const all = Array.from({ length: 200 }, (_, index) => index + 1)
    for (const chain of ['a', 'b']) {
      expect(await sequences(chain)).toEqual(all)
      expect(await findBrokenRecord(store, chain)).toBeUndefined()
      const rows = await store.audits.list(chain, { after: 0, limit: 1_000 })
      expect(new Set(rows.map(({ targetId }) => targetId)).size).toBe(200)
      const times = rows.map(({ at }) => at.getTime())
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    }
  },
)

test.each(
  doseOf(
    [
      "update keyhold.audits set details = '{}'",
      'delete from keyhold.audits',
      'truncate keyhold.audits',
      'update keyhold.audit_heads set sequence = 0',
      "update keyhold.audit_heads set chain = 'c'",
      'delete from keyhold.audit_heads',
      'truncate keyhold.audit_heads',
    ],
    2,
  ),
)('the database refuses: %s', async (statement) => {
  await append(entry())

  await expect(sql(statement)).rejects.toThrow('audit records are never changed or deleted')
  expect(await findBrokenRecord(store, 'a')).toBeUndefined()
})

slowTest('who appends waits for nobody who writes cipherkeys, nor the other way round', async () => {
  await alone(store, 'a').tenants.insert({ id: 'a', name: 'a', activeTenantKeyVersion: 1 })
  const { otherStore } = stores
  await store.withFenceShared('a', async () => {
    // Commits meanwhile.
    await otherStore.transaction((transaction) => {
      transaction.audit(entry())
      return Promise.resolve()
    })
  })
  await stores.db.transaction().execute(async (transaction) => {
    await transaction.updateTable('audit_heads').set({ sequence: 1 }).where('chain', '=', 'a').execute()
    expect(await otherStore.withFenceShared('a', (_writer, fence) => Promise.resolve(fence))).toBeDefined()
  })
})

const disabled = (...statements: string[]) =>
  ['set session_replication_role = replica', ...statements].join('; ')

// With the triggers out of the way, as only the owner of the database can put them.
test.each(
  doseOf(
    [
      [
        'a detail',
        3,
        disabled(
          `update keyhold.audits set details = '{"keyArn":"other"}' where chain = 'a' and sequence = 3`,
        ),
      ],
      [
        'a time',
        2,
        disabled("update keyhold.audits set at = at - interval '1 ms' where chain = 'a' and sequence = 2"),
      ],
      [
        'an actor',
        5,
        disabled("update keyhold.audits set actor_id = 'system' where chain = 'a' and sequence = 5"),
      ],
      [
        'a role',
        5,
        disabled("update keyhold.audits set actor_role = null where chain = 'a' and sequence = 5"),
      ],
      [
        'an action',
        1,
        disabled("update keyhold.audits set action = 'keyprovider.test' where chain = 'a' and sequence = 1"),
      ],
      [
        'a target',
        1,
        disabled("update keyhold.audits set target_id = 'x' where chain = 'a' and sequence = 1"),
      ],
      [
        'a trace id',
        4,
        disabled("update keyhold.audits set trace_id = null where chain = 'a' and sequence = 4"),
      ],
      [
        'an id',
        4,
        disabled("update keyhold.audits set id = gen_random_uuid() where chain = 'a' and sequence = 4"),
      ],
      [
        'a hash',
        4,
        disabled("update keyhold.audits set hash = sha256('x') where chain = 'a' and sequence = 4"),
      ],
      ['one deleted', 3, disabled("delete from keyhold.audits where chain = 'a' and sequence = 3")],
      [
        'one deleted and the gap closed',
        3,
        disabled(
          "delete from keyhold.audits where chain = 'a' and sequence = 3",
          "update keyhold.audits set sequence = -sequence + 1 where chain = 'a' and sequence > 3",
          "update keyhold.audits set sequence = -sequence where chain = 'a' and sequence < 0",
          "update keyhold.audit_heads set sequence = sequence - 1 where chain = 'a'",
        ),
      ],
      [
        'two exchanged',
        2,
        disabled(
          "update keyhold.audits set sequence = 100 where chain = 'a' and sequence = 2",
          "update keyhold.audits set sequence = 2 where chain = 'a' and sequence = 4",
          "update keyhold.audits set sequence = 4 where chain = 'a' and sequence = 100",
        ),
      ],
      ['the end cut off', 5, disabled("delete from keyhold.audits where chain = 'a' and sequence >= 5")],
      [
        'one of another chain in its place',
        6,
        disabled(
          "delete from keyhold.audits where chain = 'a' and sequence = 6",
          "update keyhold.audits set chain = 'a' where chain = 'b' and sequence = 6",
        ),
      ],
    ],
    2,
  ),
)('tampering is found, and where it begins: %s', async (_, sequence, statements) => {
  for (let count = 0; count < 6; count++) await append(entry(), entry({ tenantId: 'b' }))
  expect(await findBrokenRecord(store, 'a')).toBeUndefined()
  await sql('alter table keyhold.audits drop constraint audits_sequence_check')

  await sql(statements)

  expect(await findBrokenRecord(store, 'a')).toBe(sequence)
})

test('an end that is cut off together with its head shows only to who has kept a head', async () => {
  for (let count = 0; count < 6; count++) await append(entry())
  const kept = await store.audits.findHead('a')

  await sql(
    disabled(
      "delete from keyhold.audits where chain = 'a' and sequence > 4",
      'update keyhold.audit_heads h set sequence = 4, hash = (select hash from keyhold.audits a where a.chain = h.chain and sequence = 4)',
    ),
  )

  expect(await findBrokenRecord(store, 'a')).toBeUndefined()
  const head = await store.audits.findHead('a')
  expect(head?.sequence).toBeLessThan(kept?.sequence ?? 0)
})
