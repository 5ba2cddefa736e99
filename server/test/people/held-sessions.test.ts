// How long a session holds: by its last use, by its beginning, and by the database. The rows are real, the clocks are made up.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import type { Caller } from '../../src/access/caller.ts'
import { isCheckedText } from '../../src/access/checked-text.ts'
import { endSessions } from '../../src/people/sessions/end-sessions.ts'
import { createHeldSessions, type HeldSessions } from '../../src/people/sessions/held-sessions.ts'
import { generateSessionToken, parseSessionToken } from '../../src/people/sessions/session-token.ts'
import { systemActor } from '../../src/store/audits.ts'
import { sessionLimits, sessionQueries, type SessionRow } from '../../src/store/sessions/sessions.ts'
import type { Store } from '../../src/store/store.ts'

const person = { issuer: 'https://id.example', subject: 'mara' }
const ttlMs = 60_000
let postgres: TestPostgres
let stores: TestStores
let aheadMs: number
let upMs: number
let isAway: boolean
let sessions: ReturnType<typeof sessionQueries>
let held: HeldSessions
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())
beforeEach(() => {
  aheadMs = 0
  upMs = 0
  isAway = false
  const clock = { now: () => new Date(Date.now() + aheadMs) }
  sessions = sessionQueries(stores.db, { macs: stores.store.macs, clock })
  const findAll: typeof sessions.findAll = (ids) =>
    isAway ? Promise.reject(new Error('away')) : sessions.findAll(ids)
  const store = {
    clock,
    apiKeys: stores.store.apiKeys,
    sessions: { ...sessions, findAll },
  } as unknown as Store
  held = createHeldSessions({
    store,
    ttlMs,
    clock: () => upMs,
    isTrusted: (issuer) => issuer === person.issuer,
  })
})

async function begin(
  owner: SessionRow['owner'] = person,
  tenantId: string | undefined = 'acme',
): Promise<{ id: string; text: string }> {
  const { id, text, secretHash } = generateSessionToken((start) =>
    stores.store.macs.tagOf('sessionId', start),
  )
  const session = { kind: 'cli', name: 'Mara', role: 'auditor', tenantId, scopes: undefined } as const
  await sessions.insert({ ...session, id, secretHash, owner })
  return { id, text }
}

function pass(ms: number): void {
  aheadMs += ms
  upMs += ms
}

async function ask(text: string): Promise<Caller | undefined> {
  const token = parseSessionToken(text)
  if (token === undefined) throw new Error('no session')
  return held.find(text) ?? held.read(text, token.id, (secretHash) => isCheckedText('khs', token, secretHash))
}

test('a person calls by the issuer and the subject, with what the sign-in has given', async () => {
  const { id, text } = await begin()
  expect(await ask(text)).toMatchObject({
    ...{ kind: 'person', id: 'https://id.example#mara', name: 'Mara', role: 'auditor', tenantId: 'acme' },
    session: { id },
  })
})

test('a stream that is open keeps no session from ending', async () => {
  const { id, text } = await begin()
  const token = parseSessionToken(text)
  if (token === undefined) throw new Error('no session')
  expect(await ask(text)).toBeDefined()
  const look = async () =>
    held.find(text, false) ??
    (await held.read(text, id, (secretHash) => isCheckedText('khs', token, secretHash), false))
  // It is asked about in memory, and again once it is there no more.
  for (let ask = 0; ask < 89; ask++) {
    pass(20_000)
    expect(await look(), String(ask)).toBeDefined()
    if (ask % 2 === 0) await held.readAgain()
  }
  pass(20_001)
  expect(await look()).toBeUndefined()
})

test('without a request for half an hour it ends; with one it goes on', async () => {
  const { text } = await begin()
  pass(sessionLimits.idleMs - 60_000)
  expect(await ask(text)).toBeDefined()
  pass(sessionLimits.idleMs - 60_000)
  expect(await ask(text)).toBeDefined()
  pass(sessionLimits.idleMs)
  expect(await ask(text)).toBeUndefined()
})

test('after twelve hours it ends, however often it is used', async () => {
  const { text } = await begin()
  for (let asked = 0; asked < 28; asked++) {
    pass(25 * 60_000)
    expect(await ask(text)).toBeDefined()
  }
  pass(20 * 60_000)
  expect(await ask(text)).toBeUndefined()
})

test('the rounds note its use for other replicas, once a minute', async () => {
  const { id, text } = await begin()
  await ask(text)
  const seenAt = async () => (await sessions.findAll([id])).get(id)?.seenAt.getTime() ?? 0
  const begunMs = await seenAt()
  for (let round = 0; round < 40; round++) {
    pass(1_000)
    await ask(text)
    await held.readAgain()
    if (round === 30) expect(await seenAt()).toBe(begunMs)
  }
  pass(25_000)
  await ask(text)
  await held.readAgain()
  expect((await seenAt()) - begunMs).toBeGreaterThan(60_000)
})

test('without the database it is held no longer than a caller with an API key', async () => {
  const { text } = await begin()
  await ask(text)
  isAway = true
  pass(ttlMs - 1)
  expect(held.find(text)).toBeDefined()
  await expect(held.readAgain()).rejects.toThrow('away')
  pass(1)
  expect(held.find(text)).toBeUndefined()
  await expect(ask(text)).rejects.toThrow('away')
})

test('a session that was ended here stays ended, whatever the database shows', async () => {
  const { id, text } = await begin()
  await ask(text)
  const [row] = await stores.query('select * from keyhold.sessions where id = $1', [id])
  held.end((await sessions.end({ id })).map((ended) => ended.id))
  expect(await ask(text)).toBeUndefined()
  await stores.query(
    'insert into keyhold.sessions select * from jsonb_populate_record(null::keyhold.sessions, $1::jsonb)',
    [JSON.stringify({ ...row, secret_hash: hex(row?.secret_hash), mac: hex(row?.mac) })],
  )
  expect((await sessions.findAll([id])).size).toBe(1)
  expect(await ask(text)).toBeUndefined()
})

const hex = (bytes: unknown) => `\\x${(bytes as Buffer).toString('hex')}`

test.each([
  ['of another secret', `secret_hash = sha256('x')`],
  ['that was given another role', `role = 'operator', tenant_id = null`],
  ['that was made to last', `ends_at = ends_at + interval '1 hour'`],
  ['that was made to be in use', `seen_at = seen_at + interval '1 hour'`],
  ['of another person', `subject = 'root'`],
])('a row %s is none', async (_what, change) => {
  const { id, text } = await begin()
  await stores.query(`update keyhold.sessions set ${change} where id = $1`, [id])
  expect(await ask(text)).toBeUndefined()
})

test('people of an issuer that is trusted no more are out', async () => {
  const { text } = await begin({ issuer: 'https://other.example', subject: 'mara' })
  expect(await ask(text)).toBeUndefined()
})

test('the oldest session of an owner makes room for a new one, and those that are over are deleted', async () => {
  const owner = { issuer: person.issuer, subject: 'of many' }
  const first = await begin(owner)
  for (let made = 0; made < sessionLimits.perOwner; made++) await begin(owner)
  const count = async () =>
    (await stores.query(`select id from keyhold.sessions where subject = 'of many'`)).map(({ id }) => id)
  expect(await count()).toHaveLength(sessionLimits.perOwner)
  expect(await count()).not.toContain(first.id)
  await stores.query(
    `update keyhold.sessions set seen_at = now() - interval '31 minutes' where subject = 'of many'`,
  )
  await sessions.forget()
  expect(await count()).toEqual([])
})

test('an administrator of a tenant ends all sessions of a person there, and none in another tenant', async () => {
  const here = [await begin(), await begin()]
  const there = await begin(person, 'other')
  const request = { id: here[0]?.id ?? '', all: true, tenantId: 'acme' }
  const ended = await endSessions(stores.store, request, systemActor)
  for (const { id, text } of here) {
    expect(ended).toContain(id)
    expect(await ask(text)).toBeUndefined()
  }
  expect(await ask(there.text)).toMatchObject({ tenantId: 'other' })
})
