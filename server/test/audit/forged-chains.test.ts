// Chains of audit records that somebody has forged by SQL: nothing is appended to them and nothing about them is signed, as soon
// as every head needs its MAC. Before that, a checkpoint still shows what it vouches for.
import { auditHash } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { createRowMacs } from '../../src/store/authentic/row-macs.ts'
import { auditQueries } from '../../src/store/audits.ts'
import { listAudits } from '../../src/access/read-audits.ts'
import { append, forge, replica, requireNoMacs } from './checkpoint-scene.ts'
import { findBrokenRecord } from './find-audit-faults.ts'
import { doseOf } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
})

/** Writes a record in place of the one with this number, or adds it, with the hash that it must have. */
async function rightRecord(sequence: number): Promise<string[]> {
  const records = await stores.store.audits.list('a', { after: sequence - 2, limit: 1 })
  const [before] = records
  if (before === undefined) throw new Error('there is no record before')
  const record = { ...before, sequence, id: crypto.randomUUID(), action: 'tenant.unlock' }
  const hash = auditHash(before.hash, record).toString('hex')
  return [
    `delete from keyhold.audits where chain = 'a' and sequence = ${sequence}`,
    `insert into keyhold.audits select chain, ${sequence}, '${record.id}', at, actor_id, actor_role, 'tenant.unlock', target_kind,
      target_id, trace_id, details, decode('${hash}', 'hex'), mac
      from keyhold.audits where chain = 'a' and sequence = ${sequence - 1}`,
    `update keyhold.audit_heads set sequence = ${sequence}, hash = decode('${hash}', 'hex') where chain = 'a'`,
  ]
}

const cutTo = (sequence: number) => [
  `delete from keyhold.audits where chain = 'a' and sequence > ${sequence}`,
  `update keyhold.audit_heads set (sequence, hash) =
    (select sequence, hash from keyhold.audits where chain = 'a' and sequence = ${sequence}) where chain = 'a'`,
]
const olderHead = [
  "delete from keyhold.audits where chain = 'a' and sequence > 1",
  "delete from keyhold.audit_heads where chain = 'a'",
  "insert into keyhold.audit_heads select * from public.older where chain = 'a'",
]
const headOfB = [
  `update keyhold.audit_heads set (sequence, hash, mac) =
    (select sequence, hash, mac from keyhold.audit_heads where chain = 'b') where chain = 'a'`,
]
// A trigger keeps the installation's row of a head from being renamed; nothing keeps its owner.
const recordOfB = [
  "delete from keyhold.audits where chain = 'a' and sequence = 2",
  `insert into keyhold.audits select 'a', 2, gen_random_uuid(), at, actor_id, actor_role, action, target_kind, target_id, trace_id,
    details, hash, mac from keyhold.audits where chain = 'b' and sequence = 2`,
]
const headLikeRecord =
  "update keyhold.audit_heads set hash = (select hash from keyhold.audits where chain = 'a' and sequence = 2) where chain = 'a'"

const passes = 'is signed'
/** How it is found where heads need a MAC, and where they do not yet; and whether a record can be appended where they do. */
const attacks: [string, string, string, boolean, () => string[] | Promise<string[]>][] = [
  // Without MACs this is a known gap: that is why the operator adopts the rows.
  ['an appended record with the right hash', 'head-not-authentic', passes, false, () => rightRecord(3)],
  ['a rewritten end with right hashes', 'head-not-authentic', 'record-changed', false, () => rightRecord(2)],
  ['an end cut off, with a head made up', 'head-not-authentic', 'head-older', false, () => cutTo(1)],
  ['an end cut off, with its true older head', 'head-older', 'head-older', true, () => olderHead],
  ['a record of another tenant', 'record-changed', 'record-changed', true, () => recordOfB],
  [
    'a record of another tenant, and a head that agrees',
    'head-not-authentic',
    'record-changed',
    false,
    () => [...recordOfB, headLikeRecord],
  ],
  ['the head of another chain', 'head-not-authentic', 'head-wrong', false, () => headOfB],
  [
    'a head without a record',
    'head-not-authentic',
    'head-wrong',
    false,
    () => ["update keyhold.audit_heads set sequence = 9 where chain = 'a'"],
  ],
  [
    'a head without its MAC',
    'head-not-authentic',
    'nothing',
    false,
    () => ["update keyhold.audit_heads set mac = null where chain = 'a'"],
  ],
  [
    'no head',
    'chain-missing',
    'chain-missing',
    false,
    () => ["delete from keyhold.audit_heads where chain = 'a'"],
  ],
  [
    'a head that begins anew',
    'chain-missing',
    'chain-missing',
    false,
    () => ["update keyhold.audit_heads set sequence = 0, hash = sha256('x'), mac = null where chain = 'a'"],
  ],
  [
    'no chain at all',
    'chain-missing',
    'chain-missing',
    false,
    () => [
      "delete from keyhold.audits where chain = 'a'",
      "delete from keyhold.audit_heads where chain = 'a'",
    ],
  ],
]

async function scene(attack: () => string[] | Promise<string[]>) {
  await append(stores.store, 'b', 3)
  await append(stores.store, 'a')
  await stores.query('create table public.older as table keyhold.audit_heads')
  await append(stores.store, 'a')
  const signer = replica(stores.store)
  await signer.round()
  await forge(stores, await attack())
  return [signer, replica(stores.store, signer.written), replica(stores.otherStore)]
}

const head = () => stores.query("select sequence::int, hash, mac from keyhold.audit_heads where chain = 'a'")

test.each(attacks)('%s, where heads need a MAC', async (_, contradiction, _lax, canAppend, attack) => {
  const replicas = await scene(attack)
  for (const each of replicas) {
    each.signed.length = 0
    await each.round()
    await expect(each.signNow('a')).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
    expect(each.signed).toEqual([])
    expect(new Set(each.contradictions)).toEqual(new Set([`a ${contradiction}`]))
  }

  const before = await head()
  const appended = await append(stores.store, 'a').then(
    () => 'appended',
    (error: unknown) => (error as { code: string }).code,
  )
  expect(appended).toBe(canAppend ? 'appended' : 'ERR_RECORD_NOT_AUTHENTIC')
  if (!canAppend) expect(await head()).toEqual(before)
  // Others are not held up.
  await append(stores.store, 'b')
  for (const each of replicas) {
    each.signed.length = 0
    await each.round()
    expect(each.signed.filter(({ checkpoint }) => checkpoint.tenantId === 'a')).toEqual([])
  }
})

test.each(doseOf(attacks, 3))(
  '%s, where heads need no MAC yet',
  async (_, _strict, contradiction, _append, attack) => {
    requireNoMacs(stores)
    const replicas = await scene(attack)
    for (const each of replicas) {
      each.signed.length = 0
      await each.round()
      if (contradiction === passes || contradiction === 'nothing') {
        expect(each.contradictions).toEqual([])
        continue
      }
      await expect(each.signNow('a')).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
      expect(each.signed).toEqual([])
      expect(new Set(each.contradictions)).toEqual(new Set([`a ${contradiction}`]))
    }
  },
)

test('where heads need no MAC yet, a head without one is used, and has one with the next record', async () => {
  requireNoMacs(stores)
  await append(stores.store, 'a')
  await forge(stores, ['update keyhold.audits set mac = null', 'update keyhold.audit_heads set mac = null'])
  await append(stores.store, 'a')
  expect(await head()).toMatchObject([{ sequence: 2, mac: expect.any(Buffer) as Buffer }])
  expect(
    await stores.query(
      "select sequence::int, mac is null as unsigned from keyhold.audits where chain = 'a' order by 1",
    ),
  ).toEqual([
    { sequence: 1, unsigned: true },
    { sequence: 2, unsigned: false },
  ])
})

test('a chain begins with zeros, whatever a head without a record says', async () => {
  await stores.query("insert into keyhold.audit_heads (chain, hash) values ('a', sha256('x'))")
  await append(stores.store, 'a', 2)
  expect(await findBrokenRecord(stores.store, 'a')).toBeUndefined()
})

test('records and heads have the MACs of what is stored', async () => {
  await append(stores.store, 'a', 2)
  const rows = await stores.query(
    'select chain, sequence::int, hash, mac from keyhold.audits order by sequence',
  )
  for (const row of rows) stores.store.macs.verify('audit', row as never)
  expect(() => stores.store.macs.verify('audit', { ...rows[0], sequence: 2 } as never)).toThrow()
  expect(() => stores.store.macs.verify('auditHead', rows[1] as never)).toThrow()
})

test('a list names the first record with a wrong MAC, and the last one before it that is right', async () => {
  await append(stores.store, 'a', 5)
  const page = (limit: number) => listAudits(stores.store, 'a', { after: 0, limit })
  expect(await page(10)).toMatchObject({ forged: undefined, authenticTo: 5 })
  await forge(stores, ["update keyhold.audits set mac = null where chain = 'a' and sequence in (1, 3)"])
  expect(await page(10)).toMatchObject({ forged: undefined, authenticTo: 5 })
  expect((await page(10)).audits.map(({ mac }) => mac)).toEqual([
    'unsigned',
    'right',
    'unsigned',
    'right',
    'right',
  ])
  await forge(stores, ["update keyhold.audits set hash = sha256(hash) where chain = 'a' and sequence = 4"])
  expect(await page(10)).toMatchObject({ forged: 4, authenticTo: 2 })
  expect(await page(3)).toMatchObject({ forged: undefined, authenticTo: 2, after: 3 })
  expect(await page(1)).toMatchObject({ forged: undefined, authenticTo: undefined })

  const sealed = auditQueries(stores.db, createRowMacs())
  const [, , , fourth] = await sealed.list('a', { after: 0, limit: 10 })
  expect(fourth?.mac).toBe('unknown')
})
