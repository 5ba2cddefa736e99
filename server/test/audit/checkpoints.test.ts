// Checkpoints of the audit trail against one who may run any SQL: what was signed once is never contradicted by a signature.
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { checkpointDigest, type SignedCheckpoint } from '../../src/installation/audit-checkpoint.ts'
import type { CheckpointWriter } from '../../src/installation/checkpoint-writer.ts'
import { createCheckpoints, type Checkpoints } from '../../src/installation/checkpoint-rounds.ts'
import { readOwnJws, signJws, type SigningKey } from '../../src/kms/signing-key.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
})

const newKey = (id: string): SigningKey => ({ id, ...generateKeyPairSync('ed25519') })
const key = newKey('the-key')

interface Replica extends Checkpoints {
  signed: SignedCheckpoint[]
  written: SignedCheckpoint[]
  contradictions: string[]
  failures: unknown[]
}

/** A replica, with what it has kept of an earlier life. */
function replica(
  store: Store,
  kept: readonly SignedCheckpoint[] = [],
  signingKey = key,
  otherWriter?: CheckpointWriter,
): Replica {
  const signed: SignedCheckpoint[] = []
  const written: SignedCheckpoint[] = []
  const contradictions: string[] = []
  const failures: unknown[] = []
  const checkpoints = createCheckpoints({
    ...{ store, kept },
    sign: (payload) => signJws(signingKey, payload),
    readOwn: (jws) => readOwnJws(signingKey, jws),
    writer: otherWriter ?? { write: (all) => void written.push(...all), settled: () => Promise.resolve() },
    onSigned: (each) => signed.push(each),
    onContradiction: (chain, contradiction) => contradictions.push(`${chain} ${contradiction}`),
    onFailed: (_, error) => failures.push(error),
  })
  return { ...checkpoints, signed, written, contradictions, failures }
}

async function append(tenantId: string | undefined, records = 1): Promise<void> {
  await stores.store.transaction((transaction) => {
    for (let count = 0; count < records; count++)
      transaction.audit({ tenantId, actor: systemActor, action: 'tenant.lock', targetId: tenantId ?? '' })
    return Promise.resolve()
  })
}

/** As the owner of the tables, past the triggers. */
async function forge(...statements: string[]): Promise<void> {
  for (const table of ['audits', 'audit_heads', 'audit_checkpoints'])
    await stores.query(`alter table keyhold.${table} disable trigger all`)
  for (const statement of statements) await stores.query(statement)
}

/** The state of some tables at this moment, and the statements that put it back. */
async function backUp(...tables: string[]): Promise<string[]> {
  for (const table of tables) await stores.query(`create table public.old_${table} as table keyhold.${table}`)
  return tables.flatMap((table) => [
    `delete from keyhold.${table}`,
    `insert into keyhold.${table} select * from public.old_${table}`,
  ])
}

const stored = (chain: string) =>
  stores.query('select number::int, jws from keyhold.audit_checkpoints where chain = $1 order by number', [
    chain,
  ])

test('each chain that has moved is signed once, each checkpoint names the one before, and all of it is handed on', async () => {
  const { signed, written, contradictions, ...checkpoints } = replica(stores.store)
  await append('a', 2)
  await append(undefined)
  await checkpoints.round()
  await checkpoints.round()
  await append('a')
  await checkpoints.signNow('a')
  await checkpoints.signNow('a')
  await checkpoints.signNow('nobody')
  await checkpoints.round()

  expect(
    signed.map(({ checkpoint: { tenantId, sequence, number } }) => [tenantId, sequence, number]),
  ).toEqual([
    [null, 1, 1],
    ['a', 2, 1],
    ['a', 3, 2],
  ])
  const [ofInstallation, first, second] = signed as [SignedCheckpoint, SignedCheckpoint, SignedCheckpoint]
  expect([ofInstallation, first].map(({ checkpoint }) => checkpoint.previous)).toEqual(
    Array.from({ length: 2 }, () => '0'.repeat(64)),
  )
  expect(second.checkpoint.previous).toBe(checkpointDigest(first.jws))
  expect(second.checkpoint.hash).toBe((await stores.store.audits.findHead('a'))?.hash.toString('hex'))
  expect(readOwnJws(key, second.jws)).toEqual(second.checkpoint)
  expect(await stored('a')).toEqual([first, second].map(({ jws }, at) => ({ number: at + 1, jws })))
  expect(await stores.store.auditCheckpoints.list('a', { after: 1, limit: 10 })).toMatchObject([
    { number: 2 },
  ])
  expect(written).toEqual(signed)
  expect(contradictions).toEqual([])
})

test('two replicas sign one chain in turns, know what the other has signed, and never contradict each other', async () => {
  const one = replica(stores.store)
  const other = replica(stores.otherStore)
  for (let turn = 1; turn <= 10; turn++) {
    await append('a')
    await append(`tenant-${turn}`)
    await Promise.all([one.round(), other.round(), one.signNow('a'), other.signNow('a')])
  }
  await Promise.all([one.round(), other.round()])

  expect([...one.contradictions, ...other.contradictions, ...one.failures, ...other.failures]).toEqual([])
  const all = [...one.signed, ...other.signed]
  expect(all.filter(({ checkpoint }) => checkpoint.tenantId !== 'a')).toHaveLength(10)
  const ofA = all.flatMap(({ checkpoint: { tenantId, number } }) => (tenantId === 'a' ? [number] : []))
  expect(ofA.toSorted((a, b) => a - b)).toEqual(ofA.map((_, at) => at + 1))
  for (const { written } of [one, other])
    expect(written.filter(({ checkpoint }) => checkpoint.tenantId === 'a').at(-1)?.checkpoint.sequence).toBe(
      10,
    )

  const known = [one.written.length, other.written.length]
  await Promise.all([one.round(), other.round()])
  expect([one.written.length, other.written.length]).toEqual(known)
})

test('what the disk did not take is tried again in each round, whether or not a chain has moved', async () => {
  let tries = 0
  const writer = { write: () => void (tries += 1), settled: () => Promise.resolve() }
  const checkpoints = replica(stores.store, [], key, writer)
  await checkpoints.round()
  await checkpoints.round()
  expect(tries).toBe(2)
})

test('hundreds of chains are signed in one round, and those that are gone are noticed', async () => {
  const { signed, contradictions, ...checkpoints } = replica(stores.store)
  for (let tenant = 0; tenant < 250; tenant++) await append(`tenant-${String(tenant).padStart(3, '0')}`)
  await checkpoints.round()
  expect(signed).toHaveLength(250)
  await checkpoints.round()
  expect(signed).toHaveLength(250)

  await forge("delete from keyhold.audit_heads where chain = 'tenant-123'")
  await checkpoints.round()
  await checkpoints.round()
  expect(contradictions).toEqual(['tenant-123 chain-missing', 'tenant-123 chain-missing'])
})

test('a chain that cannot be signed keeps no other from being signed', async () => {
  const { signed, failures, ...checkpoints } = replica(stores.store)
  for (const tenant of ['a', 'b', 'c', 'd', 'e']) await append(tenant)
  await stores.query("alter table keyhold.audit_checkpoints add constraint no_c check (chain <> 'c')")
  await checkpoints.round()
  expect(signed.map(({ checkpoint }) => checkpoint.tenantId)).toEqual(['a', 'b', 'd', 'e'])
  expect(failures).toHaveLength(1)
  await stores.query('alter table keyhold.audit_checkpoints drop constraint no_c')
  await checkpoints.round()
  expect(signed.at(-1)?.checkpoint.tenantId).toBe('c')
})

const rewrite = [
  "update keyhold.audits set action = 'tenant.unlock', hash = sha256('other') where chain = 'a' and sequence = 2",
  "update keyhold.audit_heads set hash = sha256('other') where chain = 'a'",
]
const attacks: [string, string, () => string[] | Promise<string[]>][] = [
  ['a rewritten end', 'record-changed', () => rewrite],
  ['an end cut off, with its head', 'head-older', () => cutTo(1)],
  [
    'another record in place of the last one, and one more',
    'record-changed',
    () => [
      ...rewrite,
      ...addRecord(3),
      "update keyhold.audit_heads set sequence = 3, hash = sha256('3') where chain = 'a'",
    ],
  ],
  [
    'a head without a record',
    'head-wrong',
    () => ["update keyhold.audit_heads set sequence = 9 where chain = 'a'"],
  ],
  ['the head of another chain', 'head-wrong', () => headOfB()],
  ['no chain', 'chain-missing', () => ["delete from keyhold.audit_heads where chain = 'a'"]],
]
const cutTo = (sequence: number) => [
  `delete from keyhold.audits where chain = 'a' and sequence > ${sequence}`,
  `update keyhold.audit_heads set sequence = ${sequence},
    hash = (select hash from keyhold.audits where chain = 'a' and sequence = ${sequence}) where chain = 'a'`,
]
const addRecord = (sequence: number) => [
  `insert into keyhold.audits select chain, ${sequence}, gen_random_uuid(), at, actor_id, actor_role, action, target_kind,
    target_id, trace_id, details, sha256('${sequence}') from keyhold.audits where chain = 'a' and sequence = 1`,
]
async function headOfB(): Promise<string[]> {
  await append('b', 3)
  return [
    `update keyhold.audit_heads set (sequence, hash) =
      (select sequence, hash from keyhold.audit_heads where chain = 'b') where chain = 'a'`,
  ]
}

test.each(attacks)(
  '%s is not signed: by the one who signed before, nor by any other',
  async (_, contradiction, attack) => {
    await append('a', 2)
    const before = replica(stores.store)
    await before.round()
    await forge(...(await attack()))

    const fromFile = replica(stores.store, before.written)
    const withoutFile = replica(stores.otherStore)
    for (const each of [before, fromFile, withoutFile]) {
      each.signed.length = 0
      await each.signNow('a')
      await each.round()
      expect(each.signed.filter(({ checkpoint }) => checkpoint.tenantId === 'a')).toEqual([])
    }
    for (const each of [before, fromFile])
      expect(new Set(each.contradictions)).toEqual(new Set([`a ${contradiction}`]))
  },
)

test.each([
  ['records, head and checkpoints', ['audits', 'audit_heads', 'audit_checkpoints']],
  ['checkpoints alone', ['audit_checkpoints']],
])('an older state of %s is noticed by what is kept outside, and by nothing else', async (_, tables) => {
  const before = replica(stores.store)
  await append('a', 2)
  await before.round()
  const putBack = await backUp(...tables)
  await append('a', 2)
  await before.round()
  await forge(...putBack)

  for (const each of [before, replica(stores.store, before.written)]) {
    each.signed.length = 0
    await each.round()
    // The chain grows on from the older state.
    await each.signNow('a')
    expect(each.signed).toEqual([])
    expect(new Set(each.contradictions)).toEqual(new Set(['a checkpoint-missing']))
  }

  // A known gap: without memory and file there is nothing to compare with.
  const withoutFile = replica(stores.otherStore)
  await append('a')
  await withoutFile.round()
  expect(withoutFile.contradictions).toEqual([])
  expect(withoutFile.signed).toHaveLength(1)

  // And the fork that it has begun is noticed by those who know better.
  const late = replica(stores.store, before.written)
  await late.round()
  expect(late.contradictions).toHaveLength(1)
})

test('checkpoints of nobody, of another chain, of another number and of another key are not believed', async () => {
  const { signed, contradictions, ...checkpoints } = replica(stores.store)
  await append('a')
  await append('b', 2)
  await replica(stores.store).round()
  await append('b')
  await replica(stores.store).signNow('b')
  const of = (chain: string) => stored(chain) as Promise<{ number: number; jws: string }[]>
  const [[ofA], [, ofB]] = await Promise.all([of('a'), of('b')])
  const said = readOwnJws(key, ofA?.jws ?? '') as Record<string, unknown>
  const lies = [
    'no.jws.atall',
    ofB?.jws ?? '',
    signJws(newKey('the-key'), { ...said, sequence: 1, number: 2 }),
    signJws({ ...key, id: 'another-key' }, { ...said, sequence: 1, number: 2 }),
    signJws(newKey('another-key'), { ...said, sequence: 1, number: 2 }),
    // The right one at another place.
    ofA?.jws ?? '',
    // Something else that was signed.
    signJws(key, { type: 'keyhold/audit-head/1', tenantId: 'a', number: 2, sequence: 1, hash: said.hash }),
  ]
  await append('a')
  for (const lie of lies) {
    await forge("delete from keyhold.audit_checkpoints where chain = 'a' and number = 2")
    await stores.query("insert into keyhold.audit_checkpoints values ('a', 2, $1)", [lie])
    signed.length = 0
    contradictions.length = 0
    await checkpoints.round()
    expect([signed, contradictions]).toEqual([[], ['a checkpoint-foreign']])
  }

  await forge("delete from keyhold.audit_checkpoints where chain = 'a' and number = 2")
  await checkpoints.round()
  expect(signed.map(({ checkpoint }) => checkpoint.number)).toEqual([2])
  await forge(`update keyhold.audit_checkpoints set jws = 'x' where chain = 'a' and number = 2`)
  contradictions.length = 0
  await checkpoints.round()
  expect(contradictions).toEqual(['a checkpoint-changed'])
})

test('a checkpoint is neither changed nor deleted by mistake', async () => {
  await append('a')
  await replica(stores.store).round()
  for (const statement of [
    "update keyhold.audit_checkpoints set jws = ''",
    'delete from keyhold.audit_checkpoints',
    'truncate keyhold.audit_checkpoints',
  ])
    await expect(stores.query(statement)).rejects.toMatchObject({ code: '23001' })
})
