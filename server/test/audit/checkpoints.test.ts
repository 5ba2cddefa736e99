// Checkpoints of the audit trail against one who may run any SQL: what was signed once is never contradicted by a signature.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { checkpointDigest, type SignedCheckpoint } from '../../src/installation/audit-checkpoint.ts'
import { readOwnJws, signJws } from '../../src/kms/signing-key.ts'
import { append, backUp, forge, key, newKey, replica } from './checkpoint-scene.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
})

const stored = (chain: string) =>
  stores.query('select number::int, jws from keyhold.audit_checkpoints where chain = $1 order by number', [
    chain,
  ])

test('each chain that has moved is signed once, each checkpoint names the one before, and all of it is handed on', async () => {
  const { signed, written, contradictions, ...checkpoints } = replica(stores.store)
  await append(stores.store, 'a', 2)
  await append(stores.store, undefined)
  await checkpoints.round()
  await checkpoints.round()
  await append(stores.store, 'a')
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
    await append(stores.store, 'a')
    await append(stores.store, `tenant-${turn}`)
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

slowTest(
  'what the disk did not take is tried again in each round, whether or not a chain has moved',
  async () => {
    let tries = 0
    const writer = { write: () => void (tries += 1), settled: () => Promise.resolve() }
    const checkpoints = replica(stores.store, [], key, writer)
    await checkpoints.round()
    await checkpoints.round()
    expect(tries).toBe(2)
  },
)

slowTest('hundreds of chains are signed in one round, and those that are gone are noticed', async () => {
  const { signed, contradictions, ...checkpoints } = replica(stores.store)
  for (let tenant = 0; tenant < 250; tenant++)
    await append(stores.store, `tenant-${String(tenant).padStart(3, '0')}`)
  await checkpoints.round()
  expect(signed).toHaveLength(250)
  await checkpoints.round()
  expect(signed).toHaveLength(250)

  await forge(stores, ["delete from keyhold.audit_heads where chain = 'tenant-123'"])
  await checkpoints.round()
  await checkpoints.round()
  expect(contradictions).toEqual(['tenant-123 chain-missing', 'tenant-123 chain-missing'])
})

test('a chain that cannot be signed keeps no other from being signed', async () => {
  const { signed, failures, ...checkpoints } = replica(stores.store)
  for (const tenant of ['a', 'b', 'c', 'd', 'e']) await append(stores.store, tenant)
  await stores.query("alter table keyhold.audit_checkpoints add constraint no_c check (chain <> 'c')")
  await checkpoints.round()
  expect(signed.map(({ checkpoint }) => checkpoint.tenantId)).toEqual(['a', 'b', 'd', 'e'])
  expect(failures).toHaveLength(1)
  await stores.query('alter table keyhold.audit_checkpoints drop constraint no_c')
  await checkpoints.round()
  expect(signed.at(-1)?.checkpoint.tenantId).toBe('c')
})

test.each([
  ['records, head and checkpoints', ['audits', 'audit_heads', 'audit_checkpoints']],
  ['checkpoints alone', ['audit_checkpoints']],
])('an older state of %s is noticed by what is kept outside, and by nothing else', async (_, tables) => {
  const before = replica(stores.store)
  await append(stores.store, 'a', 2)
  await before.round()
  const putBack = await backUp(stores, ...tables)
  await append(stores.store, 'a', 2)
  await before.round()
  await forge(stores, putBack)

  for (const each of [before, replica(stores.store, before.written)]) {
    each.signed.length = 0
    await each.round()
    // The chain grows on from the older state.
    await expect(each.signNow('a')).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
    expect(each.signed).toEqual([])
    expect(new Set(each.contradictions)).toEqual(new Set(['a checkpoint-missing']))
  }

  // A known gap: without memory and file there is nothing to compare with.
  const withoutFile = replica(stores.otherStore)
  await append(stores.store, 'a')
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
  await append(stores.store, 'a')
  await append(stores.store, 'b', 2)
  await replica(stores.store).round()
  await append(stores.store, 'b')
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
  await append(stores.store, 'a')
  for (const lie of lies) {
    await forge(stores, ["delete from keyhold.audit_checkpoints where chain = 'a' and number = 2"])
    await stores.query("insert into keyhold.audit_checkpoints values ('a', 2, $1)", [lie])
    signed.length = 0
    contradictions.length = 0
    await checkpoints.round()
    expect([signed, contradictions]).toEqual([[], ['a checkpoint-foreign']])
  }

  await forge(stores, ["delete from keyhold.audit_checkpoints where chain = 'a' and number = 2"])
  await checkpoints.round()
  expect(signed.map(({ checkpoint }) => checkpoint.number)).toEqual([2])
  await forge(stores, [`update keyhold.audit_checkpoints set jws = 'x' where chain = 'a' and number = 2`])
  contradictions.length = 0
  await checkpoints.round()
  expect(contradictions).toEqual(['a checkpoint-changed'])
})

test('a checkpoint is neither changed nor deleted by mistake', async () => {
  await append(stores.store, 'a')
  await replica(stores.store).round()
  for (const statement of [
    "update keyhold.audit_checkpoints set jws = ''",
    'delete from keyhold.audit_checkpoints',
    'truncate keyhold.audit_checkpoints',
  ])
    await expect(stores.query(statement)).rejects.toMatchObject({ code: '23001' })
})
