// An API key holds while its row is as Keyhold wrote it, and of the generation of its scope. A revocation raises that.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { generateApiKeyToken, hashApiKeySecret } from '../../../src/access/api-key-token.ts'
import { deleteApiKey } from '../../../src/access/delete-api-key.ts'
import type { ApiKeyRow } from '../../../src/store/api-keys/api-keys.ts'
import { readApiKeys, selectApiKeys } from '../../../src/store/api-keys/api-key-rows.ts'
import { createSeenGenerations } from '../../../src/store/authentic/seen-generations.ts'
import { commandActor } from '../../../src/store/audits.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { resign } from '../../../../testkit/src/database/resign.ts'
import { insertTenant } from '../stored-rows.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
let store: Store
/** Of a replica that runs before the rows are adopted. */
let early: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  store = stores.store
  early = await postgres.openStoreBeforeAdoption(stores.connection)
  await insertTenant(store, 'one')
  await insertTenant(store, 'two')
})

const create = (tenantId: string | undefined, on = store): Promise<ApiKeyRow> => {
  const token = generateApiKeyToken((idStart) => on.macs.tagOf('apiKeyId', idStart))
  const role = tenantId === undefined ? 'operator' : 'service'
  const key = { id: token.id, secretHash: hashApiKeySecret(token), role, tenantId, name: 'a key' } as const
  return on.transaction(({ apiKeys }) => apiKeys.insert(key))
}
const revoke = ({ id }: ApiKeyRow, on = store) =>
  deleteApiKey(on, { id, mayEndLastOperator: true }, commandActor)
const holding = async (keys: readonly ApiKeyRow[], on: Store = stores.otherStore) => {
  const found = await on.apiKeys.findAll(keys.map(({ id }) => id))
  return keys.map(({ id }) => found.has(id) && found.get(id)?.scopeFault === undefined)
}
const holds = async (key: ApiKeyRow, on = store) =>
  on
    .transaction(({ apiKeys }) => apiKeys.hold(key.id, key.role))
    .catch((error: unknown) => (error as { code: string }).code)

/** As a copy of the database has it. */
const keep = () => stores.query('create table public.kept as select * from keyhold.api_keys')
const putBack = ({ id }: ApiKeyRow) =>
  stores.query('insert into keyhold.api_keys select * from public.kept where id = $1', [id])

test.each(['one', undefined])(
  'a revoked key of the scope %s that is put back does not hold, and the others do',
  async (tenantId) => {
    const [revoked, other, elsewhere] = [
      await create(tenantId),
      await create(tenantId),
      await create(tenantId === undefined ? 'one' : 'two'),
    ]
    expect(await store.apiKeys.findAll([other.id])).toEqual(new Map([[other.id, other]]))
    await keep()
    await revoke(revoked)
    await putBack(revoked)
    for (const each of [store, stores.otherStore, await postgres.openStore(stores.connection)]) {
      expect(await holding([revoked, other, elsewhere], each)).toEqual([false, true, true])
      expect(await holds(revoked, each)).toBe(false)
      expect(await holds(other, each)).toBe(true)
    }
    const listed = await store.apiKeys.list({ limit: 10 })
    expect(listed.map(({ id, isTampered }) => [id, isTampered])).toEqual(
      [revoked, other, elsewhere].map(({ id }) => [id, id === revoked.id]),
    )
  },
)

test('a second revocation brings back no key of the first, nor one that is put back in between', async () => {
  const [first, second, third] = [await create('one'), await create('one'), await create('one')]
  await keep()
  await revoke(first)
  await putBack(first)
  await revoke(second)
  await putBack(second)
  expect(await holding([first, second, third])).toEqual([false, false, true])
})

test('an older guard does not make it hold again, where the newer one was seen', async () => {
  const [revoked, other] = [await create('one'), await create('one')]
  await keep()
  await stores.query('create table public.guards as select * from keyhold.tenant_guards')
  await revoke(revoked)
  expect(await holding([other])).toEqual([true])
  await stores.query('delete from keyhold.api_keys')
  await stores.query('insert into keyhold.api_keys select * from public.kept')
  await stores.query('delete from keyhold.tenant_guards')
  await stores.query('insert into keyhold.tenant_guards select * from public.guards')
  // The one that revoked it knows by its own commit, the other one by what it has read.
  for (const each of [store, stores.otherStore]) {
    expect(await holding([revoked, other], each)).toEqual([false, false])
    expect(await holds(revoked, each)).toBe('ERR_RECORD_NOT_AUTHENTIC')
  }
  // Named in the threat model: a replica without a memory takes the older rows for the newest.
  expect(await holding([revoked, other], await postgres.openStore(stores.connection))).toEqual([true, true])
})

test.each([
  ['a changed role', `role = 'tenant-admin'`],
  ['another tenant', `tenant_id = 'two'`],
  ['another secret', `secret_hash = decode(repeat('ab', 32), 'hex')`],
  ['another generation', 'generation = generation + 1'],
  ['no MAC', 'mac = null'],
  ['another name', `name = 'x'`],
])('a key with %s does not hold, and its neighbours do', async (_name, change) => {
  const [changed, other, ofTwo] = [await create('one'), await create('one'), await create('two')]
  await stores.query(`update keyhold.api_keys set ${change} where id = $1`, [changed.id])
  expect(await holding([changed, other, ofTwo])).toEqual([false, true, true])
  expect(await holds(changed)).toBe(false)
  expect((await store.apiKeys.list({ limit: 10 })).map(({ isTampered }) => isTampered)).toEqual([
    true,
    false,
    false,
  ])
})

test('all keys of a tenant end with a faulty guard, and no other', async () => {
  const ofOne = await create('one')
  const keys = [ofOne, await create('two'), await create(undefined)]
  await stores.query(
    `update keyhold.tenant_guards set api_key_generation = api_key_generation + 1 where tenant_id = 'one'`,
  )
  expect(await holding(keys)).toEqual([false, true, true])
  await stores.query(`update keyhold.api_keys set generation = generation + 1 where tenant_id = 'one'`)
  expect(await holding(keys)).toEqual([false, true, true])
  for (const refused of [create('one'), revoke(ofOne)])
    await expect(refused).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
  await stores.query('update keyhold.installation set api_key_generation = api_key_generation + 1')
  expect(await holding(keys)).toEqual([false, true, false])
})

slowTest('keys that are made and revoked at the same time hold, or are gone', async () => {
  const keys = await Promise.all(Array.from({ length: 8 }, () => create('one')))
  const made: ApiKeyRow[] = []
  const refused: boolean[] = []
  await Promise.all([
    ...keys.slice(0, 4).map((key, index) => revoke(key, index % 2 === 0 ? store : stores.otherStore)),
    ...keys.slice(4).map(async (key) => {
      made.push(await create('one', stores.otherStore))
      for (let round = 0; round < 10; round++) refused.push(!(await holds(key)))
    }),
  ])
  expect(refused).not.toContain(true)
  expect(await holding([...keys.slice(4), ...made])).toEqual(new Array(8).fill(true))
  expect(await holding(keys.slice(0, 4))).toEqual(new Array(4).fill(false))
})

slowTest('two who revoke one another both end, or one of them, and neither waits for ever', async () => {
  const [first, second] = [await create(undefined), await create(undefined)]
  const by = (actor: ApiKeyRow, key: ApiKeyRow) =>
    deleteApiKey(store, { id: key.id, mayEndLastOperator: true }, { id: actor.id, role: 'operator' })
  const outcomes = await Promise.allSettled([by(first, second), by(second, first)])
  const codes = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
  )
  expect(codes).toEqual(['ERR_UNAUTHENTICATED'])
  expect((await holding([first, second])).sort()).toEqual([false, true])
})

test('a key may revoke itself', async () => {
  const [own, other] = [await create(undefined), await create(undefined)]
  await deleteApiKey(store, { id: own.id, mayEndLastOperator: true }, { id: own.id, role: 'operator' })
  expect(await holding([own, other])).toEqual([false, true])
})

slowTest('in a snapshot, keys are as they were', async () => {
  const [revoked, other] = [await create('one'), await create('one')]
  await store.readSnapshot(async (snapshot) => {
    await snapshot.tenants.find('one')
    await revoke(revoked)
    expect(await holding([other], store)).toEqual([true])
    expect((await snapshot.apiKeys.list({ limit: 10 })).map(({ isTampered }) => isTampered)).toEqual([
      false,
      false,
    ])
  })
})

test('before the adoption unsigned keys hold, and the first revocation signs those of its scope', async () => {
  const insert = `insert into keyhold.api_keys (id, secret_hash, role, tenant_id, name)
    values ($1, decode(repeat('ab', 32), 'hex'), 'service', $2, '')`
  const revoked = await create('one')
  for (const [id, tenantId] of [
    ['old', 'one'],
    ['elsewhere', 'two'],
  ])
    await stores.query(insert, [id, tenantId])
  const keys = [{ ...revoked, id: 'old' }, { ...revoked, id: 'elsewhere' }, revoked]
  expect(await holding(keys, early)).toEqual([true, true, true])
  expect(await holding(keys)).toEqual([false, false, true])
  await keep()
  await revoke(revoked, early)
  await putBack(revoked)
  expect(await holding(keys, early)).toEqual([true, true, false])
  expect(await holding(keys)).toEqual([true, false, false])

  await resign(stores.db)
  expect(await holding(keys)).toEqual([true, true, false])
})

slowTest(
  'of two answers the second one names no scope that the first one did not: nothing is remembered of that',
  async () => {
    const [revoked, elsewhere] = [await create('one'), await create('two')]
    const read = (id: string) => selectApiKeys(stores.db).where('k.id', '=', id).execute()
    const old = await read(revoked.id)
    await revoke(revoked)
    const parts = {
      macs: store.macs,
      ...{ seen: createSeenGenerations(), seenInstallation: createSeenGenerations() },
    }
    // As a replica that has met the revocation remembers.
    const [guard] = await stores.query(`select generation from keyhold.tenant_guards where tenant_id = 'one'`)
    parts.seen.raise('one', Number(guard?.generation))
    const inDoubt = (await read(elsewhere.id)).map((row) => ({ ...row, k_generation: 0 }))
    const answers = [inDoubt, old]
    expect(await readApiKeys(parts, () => Promise.resolve(answers.shift() ?? []))).toEqual([])
  },
)
