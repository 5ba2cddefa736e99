// The keys of the issuer in a database that somebody else may write to: who makes one, and what replicas believe.
import { keyFromBytes } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { createIssuerKeys } from '../../src/installation/issuer-keys/issuer-keys.ts'
import {
  keepIssuerKeys,
  revokeIssuerKeys,
  rotateIssuerKey,
} from '../../src/installation/issuer-keys/make-issuer-keys.ts'
import type { IssuerKey } from '../../src/kms/issuer/issuer-key.ts'
import { commandActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'
import { issuerCrypto } from '../../src/wiring/issuer/open-issuer.ts'

const dayMs = 86_400_000
const real = issuerCrypto({ id: '7e57'.repeat(4), key: keyFromBytes(Buffer.alloc(32, 7)) })
// Each takes most of a second. Each test has a database of its own, and none needs more.
const made = await Promise.all([real.create(), real.create(), real.create()])
let next = 0
const crypto = { ...real, create: () => Promise.resolve(made[next++ % made.length] ?? made[0]) }
let postgres: TestPostgres
let stores: TestStores
let nowMs: number
let upMs: number
let broken: (string | undefined)[]
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  nowMs = Date.now()
  upMs = 0
  broken = []
})

const replica = (store: Store = stores.store) =>
  createIssuerKeys<IssuerKey>({
    ...{ store, crypto, now: () => new Date(nowMs), clock: () => upMs },
    onBroken: (id) => broken.push(id),
  })
const publishedBy = (keys: ReturnType<typeof replica>) => keys.published().map(({ kid }) => kid)
const rows = () =>
  stores.query('select id, created_at, signs_from from keyhold.issuer_keys order by signs_from')
/** A key of which all that passed since it was made is made up. */
async function insertAged(ageDays: number): Promise<string> {
  const wrapped = await crypto.create()
  const at = new Date(Date.now() - ageDays * dayMs)
  await stores.store.issuerKeys.insert({ ...wrapped, createdAt: at, signsFrom: at })
  return wrapped.id
}

test('the first key signs at once, and two replicas make one', async () => {
  const { store, otherStore } = stores
  const changed = await Promise.all([
    keepIssuerKeys({ store, crypto }),
    keepIssuerKeys({ store: otherStore, crypto }),
  ])
  expect(changed.toSorted()).toEqual([false, true])
  const [row, ...others] = await rows()
  expect(others).toEqual([])
  const [one, two] = [replica(), replica(otherStore)]
  await Promise.all([one.refresh(), two.refresh()])
  nowMs = Date.now() + 1_000
  expect([one.signer().id, two.signer().id, ...publishedBy(one)]).toEqual([row?.id, row?.id, row?.id])
  const [record] = await store.audits.list(undefined, { after: 0, limit: 1 })
  expect(record).toMatchObject({
    action: 'issuerkey.create',
    targetKind: 'issuer-key',
    targetId: row?.id,
    actorId: 'system',
  })
})

test('the next key is published a week before it signs; the old one is published after, and then its private half goes', async () => {
  const old = await insertAged(84)
  expect(await keepIssuerKeys({ store: stores.store, crypto })).toBe(true)
  expect(await keepIssuerKeys({ store: stores.store, crypto })).toBe(false)
  const newer = String((await rows())[1]?.id)
  const keys = replica()
  await keys.refresh()
  expect(publishedBy(keys)).toEqual([old, newer])
  expect(keys.signer().id).toBe(old)
  nowMs += 7 * dayMs + 60_000
  expect([keys.signer().id, publishedBy(keys)]).toEqual([newer, [old, newer]])
  nowMs += dayMs
  expect(publishedBy(keys)).toEqual([old, newer])
  nowMs += dayMs
  expect(publishedBy(keys)).toEqual([newer])
})

test('a key that has ended is deleted by whoever looks', async () => {
  await insertAged(95)
  const young = await insertAged(2)
  expect(await keepIssuerKeys({ store: stores.store, crypto })).toBe(true)
  expect((await rows()).map(({ id }) => id)).toEqual([young])
})

test('an early rotation waits its week, and a second one changes nothing', async () => {
  const old = await insertAged(10)
  const { id, signsFrom } = await rotateIssuerKey({ store: stores.store, crypto }, commandActor)
  expect(signsFrom.getTime()).toBeGreaterThan(Date.now() + 6.9 * dayMs)
  expect((await rotateIssuerKey({ store: stores.store, crypto }, commandActor)).id).toBe(id)
  expect((await rows()).map((row) => row.id)).toEqual([old, id])
})

test('an emergency revokes all keys at once, also for who puts their rows back', async () => {
  const old = await insertAged(10)
  const keys = replica(stores.otherStore)
  await keys.refresh()
  await stores.query('create table public.kept as table keyhold.issuer_keys')
  const { key, revoked } = await revokeIssuerKeys({ store: stores.store, crypto }, commandActor)
  expect(revoked).toEqual([old])
  await keys.refresh()
  nowMs = Date.now() + 1_000
  expect([keys.signer().id, publishedBy(keys)]).toEqual([key.id, [key.id]])
  await stores.query('insert into keyhold.issuer_keys select * from public.kept')
  const fresh = replica()
  for (const each of [keys, fresh]) {
    await each.refresh()
    expect([each.signer().id, publishedBy(each)]).toEqual([key.id, [key.id]])
  }
  const [record] = await stores.store.audits.list(undefined, { after: 0, limit: 1 })
  expect(record).toMatchObject({ action: 'issuerkey.revoke', actorId: 'command', details: { revokes: old } })
  // The word of the installation, too, is not taken back.
  await stores.query('update keyhold.installation set issuer_keys_from = null')
  await expect(fresh.refresh()).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
  expect(publishedBy(fresh)).toEqual([key.id])
})

test('a second emergency takes back no revocation, whatever time the database has', async () => {
  const { store } = stores
  await insertAged(10)
  await store.transaction(async (transaction) => {
    const held = await transaction.issuerKeys.hold()
    await transaction.issuerKeys.revoke(held, new Date(Date.now() + dayMs))
  })
  const before = (await store.issuerKeys.list()).revokedBefore?.getTime() ?? Infinity
  const { key } = await revokeIssuerKeys({ store, crypto }, commandActor)
  const { revokedBefore, keys } = await store.issuerKeys.list()
  expect(revokedBefore?.getTime()).toBeGreaterThan(before)
  expect(keys.map(({ id }) => id)).toEqual([key.id])
})

test.each([
  ['a row without a MAC', 'update keyhold.issuer_keys set mac = null'],
  ['another time', `update keyhold.issuer_keys set signs_from = signs_from + interval '1 day'`],
  ['another creation', `update keyhold.issuer_keys set created_at = created_at - interval '1 day'`],
  ['another id', `update keyhold.issuer_keys set id = 'evil'`],
  ['another private key', `update keyhold.issuer_keys set private_key_wrapped = sha256(private_key_wrapped)`],
])('%s is neither published nor used, and no key takes its place', async (_, statement) => {
  await insertAged(1)
  await stores.query(statement)
  const keys = replica()
  await keys.refresh()
  expect([publishedBy(keys), broken]).toEqual([[], [undefined]])
  expect(() => keys.signer()).toThrow(expect.objectContaining({ code: 'ERR_KMS_ISSUER' }))
  expect(await keepIssuerKeys({ store: stores.store, crypto })).toBe(false)
  expect(await rows()).toHaveLength(1)
})

test('a key that somebody else has sealed is no key, even with a right MAC', async () => {
  const other = issuerCrypto({ id: '7e57'.repeat(4), key: keyFromBytes(Buffer.alloc(32, 9)) })
  const at = new Date(Date.now() - dayMs)
  const planted = await other.create()
  await stores.store.issuerKeys.insert({ ...planted, createdAt: at, signsFrom: at })
  const keys = replica()
  await keys.refresh()
  expect([publishedBy(keys), broken]).toEqual([[], [planted.id]])
})

test('what a replica has read stays published when its row is deleted; without the database it signs for an hour', async () => {
  const id = await insertAged(1)
  const keys = replica()
  await keys.refresh()
  await stores.query('delete from keyhold.issuer_keys')
  await keys.refresh()
  expect([keys.signer().id, publishedBy(keys)]).toEqual([id, [id]])
  upMs += 3_600_001
  expect(() => keys.signer()).toThrow(expect.objectContaining({ code: 'ERR_KMS_ISSUER' }))
  expect(publishedBy(keys)).toEqual([id])
  await keys.refresh()
  expect(keys.signer().id).toBe(id)
})
