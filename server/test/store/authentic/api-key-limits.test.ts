// The limits of an API key: somebody who writes to the database widens none of them, and a replica of the version before takes no
// key that has any for one without.
import { deriveMacKey, encodeRow, isRowMac, rootKeyIdOfMac } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createApiKey, type ApiKeyRequest } from '../../../src/access/create-api-key.ts'
import { listUnusedKeys } from '../../../src/access/list-unused-keys.ts'
import { deleteApiKey } from '../../../src/access/delete-api-key.ts'
import { rotateApiKey } from '../../../src/access/rotate-api-key.ts'
import type { ApiKeyRow } from '../../../src/store/api-keys/api-keys.ts'
import { commandActor } from '../../../src/store/audits.ts'
import { steeringKinds } from '../../../src/store/authentic/steering-kinds.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { testRing } from '../../../../testkit/src/database/test-macs.ts'
import { insertTenant } from '../stored-rows.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

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
  await insertTenant(store, 'one')
})

const limits = {
  ...{ role: 'service', tenantId: 'one', name: '', expiresInMs: 3_600_000 },
  ...{ scopes: ['encrypt:pay'], addresses: ['192.0.2.0/24'] },
} as const satisfies ApiKeyRequest
const create = async (request: Partial<ApiKeyRequest> = {}) =>
  (await createApiKey(store, { ...limits, ...request }, commandActor)).row
const found = async ({ id }: Pick<ApiKeyRow, 'id'>, on: Store = stores.otherStore) =>
  (await on.apiKeys.findAll([id])).get(id)
const holds = ({ id, role }: ApiKeyRow) => store.transaction(({ apiKeys }) => apiKeys.hold(id, role))
const rotate = ({ id }: ApiKeyRow, overlapMs = 60_000, expiresInMs?: number | 'none') =>
  rotateApiKey(store, { id, tenantId: undefined, overlapMs, expiresInMs }, commandActor)
const keep = () => stores.query('create table public.kept as select * from keyhold.api_keys')
const putBack = async ({ id }: ApiKeyRow) => {
  await stores.query('delete from keyhold.api_keys where id = $1', [id])
  await stores.query('insert into keyhold.api_keys select * from public.kept where id = $1', [id])
}

test('a key is found with its limits, and who made it', async () => {
  const row = await create()
  expect(await found(row)).toMatchObject({
    ...{ scopes: ['encrypt:pay'], addresses: ['192.0.2.0/24'], createdBy: 'command', responsible: 'command' },
    expiresAt: row.expiresAt,
  })
  expect(await found(await create({ scopes: [] }))).toMatchObject({ scopes: [] })
})

const forgeries: readonly (readonly [name: string, change: string])[] = [
  ['a later end', `expires_at = expires_at + interval '1 year'`],
  ['no end', 'expires_at = null'],
  ['an endless end', `expires_at = 'infinity'`],
  ['wider scopes', `scopes = '{encrypt}'`],
  ['one scope more', `scopes = scopes || '{decrypt}'`],
  ['no scopes', 'scopes = null'],
  ['an empty list of scopes', `scopes = '{}'`],
  ['other networks', `addresses = '{0.0.0.0/0}'`],
  ['no networks', 'addresses = null'],
  ['another maker', `created_by = 'innocent'`],
  ['no maker', 'created_by = null'],
  ['another responsible one', `responsible = 'innocent'`],
  ['a predecessor', `predecessor_id = 'innocent'`],
  ['another role', `role = 'tenant-admin'`],
]

test('a key with another value in any column of its limits does not hold, and its neighbour does', async () => {
  const other = await create()
  // Each on a key of its own: a database for each would take seconds.
  for (const [name, change] of forgeries) {
    const changed = await create()
    await stores.query(`update keyhold.api_keys set ${change} where id = $1`, [changed.id])
    expect([await found(changed), await holds(changed)], name).toEqual([undefined, false])
    expect(await found(other), name).toMatchObject({ id: other.id })
    const listed = await store.apiKeys.list({ limit: 100 })
    expect(listed.find(({ id }) => id === changed.id)?.isTampered, name).toBe(true)
  }
})

slowTest('a null list of scopes cannot be put in the place of an empty one', async () => {
  const row = await create({ scopes: [] })
  await stores.query('update keyhold.api_keys set scopes = null where id = $1', [row.id])
  expect(await found(row)).toBeUndefined()
})

test('a key ends by the clock of the database: for callers, and for changes that are under way', async () => {
  let aheadMs = 0
  const later = await postgres.openStore(stores.connection, { monotonic: () => performance.now() + aheadMs })
  const [row, other] = [await create({ expiresInMs: 60_000 }), await create({ expiresInMs: 'none' })]
  const holdsLater = ({ id, role }: ApiKeyRow) => later.transaction(({ apiKeys }) => apiKeys.hold(id, role))
  expect([await found(row, later), await holdsLater(row)]).toMatchObject([{ id: row.id }, true])
  expect((await found(row, later))?.endsInMs).toBeLessThanOrEqual(60_000)
  aheadMs = 60_000
  expect([await found(row, later), await holdsLater(row)]).toEqual([undefined, false])
  expect([await found(other, later), await holdsLater(other)]).toMatchObject([{ id: other.id }, true])
  const rotation = { id: row.id, tenantId: undefined, overlapMs: 0, expiresInMs: undefined }
  await expect(rotateApiKey(later, rotation, commandActor)).rejects.toMatchObject({
    code: 'ERR_API_KEY_NOT_FOUND',
  })
})

test('a successor has the same limits and a life of the same length, and its predecessor ends soon', async () => {
  const old = await create()
  const { row } = await rotate(old)
  expect(row).toMatchObject({
    ...{ role: 'service', tenantId: 'one', scopes: ['encrypt:pay'], addresses: ['192.0.2.0/24'] },
    ...{ predecessorId: old.id, responsible: 'command' },
  })
  const lifeMs = (key: ApiKeyRow) => (key.expiresAt?.getTime() ?? 0) - key.createdAt.getTime()
  expect([lifeMs(row), lifeMs(old)]).toEqual([3_600_000, 3_600_000])
  const ending = await found(old)
  expect(ending?.endsInMs).toBeGreaterThan(50_000)
  expect(ending?.endsInMs).toBeLessThanOrEqual(60_000)
  expect(await found(row)).toMatchObject({ id: row.id })
})

slowTest('a successor may be made for just as long as its predecessor', async () => {
  const { row } = await rotate(await create(), 0, 3_600_000)
  expect((row.expiresAt?.getTime() ?? 0) - row.createdAt.getTime()).toBe(3_600_000)
})

test('a successor never lives longer than its predecessor was made for, and never for ever', async () => {
  const old = await create()
  for (const expiresInMs of ['none', 7_200_000] as const)
    await expect(rotate(old, 0, expiresInMs)).rejects.toMatchObject({ code: 'ERR_API_KEY_TOO_WIDE' })
  expect(await holds(old)).toBe(true)
  expect((await rotate(await create({ expiresInMs: 'none' }))).row.expiresAt).toBeUndefined()
})

test('of a chain of successors at most two are valid', async () => {
  const first = await create()
  const { row: second } = await rotate(first)
  for (const key of [first, second])
    await expect(rotate(key)).rejects.toMatchObject({ code: 'ERR_API_KEY_ROTATING' })
  await deleteApiKey(store, { id: first.id, mayEndLastOperator: false }, commandActor)
  const { row: third } = await rotate(second, 0)
  expect([await found(first), await found(second)]).toEqual([undefined, undefined])
  expect(await found(third)).toMatchObject({ predecessorId: second.id })
})

test('a predecessor whose row from before is put back does not hold at all', async () => {
  const [old, other] = [await create(), await create()]
  await keep()
  const { row } = await rotate(old)
  await putBack(old)
  expect(await found(old)).toBeUndefined()
  expect(await holds(old)).toBe(false)
  for (const key of [row, other]) expect(await found(key)).toMatchObject({ id: key.id })
})

test('a database that swallows the earlier end gets the row from before signed by nobody', async () => {
  const old = await create()
  await stores.query(`create function keyhold.swallow() returns trigger language plpgsql as
    $$begin new.expires_at = old.expires_at; return new; end$$`)
  await stores.query(`create trigger swallow before update on keyhold.api_keys
    for each row execute function keyhold.swallow()`)
  await rotate(old)
  expect(await found(old)).toBeUndefined()
})

slowTest('a key keeps its limits when it is renamed', async () => {
  const row = await create()
  await store.transaction(({ apiKeys }) => apiKeys.rename(row.id, 'new'))
  expect(await found(row)).toMatchObject({ name: 'new', scopes: ['encrypt:pay'], expiresAt: row.expiresAt })
})

test('a key of the version before has no end and no limits, holds, and can be renamed and revoked', async () => {
  const old = await store.transaction(({ apiKeys }) =>
    apiKeys.insert({
      id: 'plainplainplainp',
      secretHash: Buffer.alloc(32),
      role: 'service',
      tenantId: 'one',
      name: '',
    }),
  )
  const row = await found(old)
  for (const limit of ['expiresAt', 'scopes', 'addresses', 'createdBy', 'endsInMs'] as const)
    expect(row?.[limit], limit).toBeUndefined()
  await store.transaction(({ apiKeys }) => apiKeys.rename(old.id, 'new'))
  expect(await found(old)).toMatchObject({ name: 'new' })
  expect(await isAuthenticBefore(old.id)).toBe(true)
  const { row: successor } = await rotate(old)
  expect(successor.expiresAt).toBeDefined()
  await deleteApiKey(store, { id: old.id, mayEndLastOperator: false }, commandActor)
  expect(await found(old)).toBeUndefined()
})

/** The columns that the version before knows, and so the bytes for which it looks. */
const before = ['created_at', 'generation', 'id', 'name', 'role', 'secret_hash', 'tenant_id'] as const
async function isAuthenticBefore(id: string): Promise<boolean> {
  const [row] = await stores.db.selectFrom('api_keys').selectAll().where('id', '=', id).execute()
  if (!row?.mac) return expect.fail('the row has no MAC')
  const types = before.map((column) => [column, steeringKinds.apiKey.columns[column]] as const)
  const { rootKey, installationId } = testRing
  const bytes = encodeRow('apiKey', types, row)
  return isRowMac(
    deriveMacKey(rootKey, installationId, 'apiKey'),
    rootKeyIdOfMac(row.mac) ?? '',
    bytes,
    row.mac,
  )
}

test('a replica of the version before takes the row of every key that is made now for a forged one', async () => {
  for (const request of [{}, { expiresInMs: 'none' as const, scopes: undefined, addresses: undefined }])
    expect(await isAuthenticBefore((await create(request)).id)).toBe(false)
  const old = await store.transaction(({ apiKeys }) =>
    apiKeys.insert({
      id: 'plainplainplainp',
      secretHash: Buffer.alloc(32),
      role: 'service',
      tenantId: 'one',
      name: '',
    }),
  )
  expect(await isAuthenticBefore(old.id)).toBe(true)
  await rotate(old)
  // It does not take it for one without an end.
  expect(await isAuthenticBefore(old.id)).toBe(false)
})

test('no key is made while a replica of the version before is alive', async () => {
  await stores.query(`insert into keyhold.replicas (id, host, version) values ('old', 'a', '0')`)
  await expect(create()).rejects.toMatchObject({ code: 'ERR_REPLICAS_OLDER' })
  await stores.query(`update keyhold.replicas set seen_at = now() - interval '5 minutes'`)
  await store.replicas.beat('new', 10_000)
  expect(await found(await create())).toMatchObject({ role: 'service' })
})

slowTest('keys that nobody has used for long are listed, but for those that have ended', async () => {
  let aheadMs = 0
  const later = await postgres.openStore(stores.connection, { monotonic: () => performance.now() + aheadMs })
  const dayMs = 86_400_000
  const never = await create({ expiresInMs: 'none' })
  const used = await create({ expiresInMs: 'none' })
  await create({ expiresInMs: dayMs })
  expect(await listUnusedKeys(later, 90 * dayMs)).toEqual([])
  aheadMs = 91 * dayMs
  await later.apiKeyUses.note(new Map([[used.id, new Date(later.clock.now().getTime() - dayMs)]]))
  expect(await listUnusedKeys(later, 90 * dayMs)).toMatchObject([{ id: never.id, usedAt: undefined }])
  aheadMs = 200 * dayMs
  expect((await listUnusedKeys(later, 90 * dayMs)).map(({ id }) => id)).toEqual([never.id, used.id])
})

slowTest(
  'however many keys end soon, and whoever wrote them, all that hold are told of, the next one first',
  async () => {
    const later = await create({ expiresInMs: 7_200_000 })
    const next = await create({ expiresInMs: 3_600_000 })
    await create({ expiresInMs: 'none' })
    // Nobody believes these rows. They end before the others, and have ids before theirs as well as behind.
    await stores.query(
      `insert into keyhold.api_keys (id, secret_hash, role, tenant_id, name, expires_at)
    select lpad(n::text, 16, case when n % 2 = 0 then '0' else 'z' end), decode(repeat('ab', 32), 'hex'), 'service', 'one', '', now() + interval '1 minute'
    from generate_series(1, 2100) n`,
    )
    expect((await store.apiKeys.listEnding(86_400_000)).map(({ id }) => id)).toEqual([next.id, later.id])
  },
)

slowTest('of uses the latest stays, and those of keys that are gone are left out', async () => {
  const [row, gone] = [await create(), await create()]
  await deleteApiKey(store, { id: gone.id, mayEndLastOperator: false }, commandActor)
  const [early, late] = [new Date(1_000_000), new Date(2_000_000)]
  await store.apiKeyUses.note(new Map([row, gone].map(({ id }) => [id, late])))
  await stores.otherStore.apiKeyUses.note(new Map([[row.id, early]]))
  expect(await store.apiKeyUses.findAll([row.id, gone.id])).toEqual(new Map([[row.id, late]]))
  await deleteApiKey(store, { id: row.id, mayEndLastOperator: false }, commandActor)
  expect(await stores.query('select * from keyhold.api_key_uses')).toEqual([])
})
