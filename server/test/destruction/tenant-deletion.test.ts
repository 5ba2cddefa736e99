// The deletion of a tenant with more cipherkeys than one transaction deletes. It begins with the cryptographic end, and
// goes on wherever a replica left it.
import { createHash } from 'node:crypto'
import { keyArnFingerprint } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { cancelTenantDestruction } from '../../src/destruction/cancel-destruction.ts'
import { deleteTenant } from '../../src/destruction/delete-tenant.ts'
import { destroyTenant } from '../../src/destruction/destroy-tenant.ts'
import { runDueDestructions } from '../../src/destruction/run-due-destructions.ts'
import { newId } from '../../src/keyring/new-id.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { DestructionRow } from '../../src/store/destructions/destruction-row.ts'
import type { Store } from '../../src/store/store.ts'
import { runEachNow } from '../event-loop/run-each-now.ts'
import { insertTenant, newCipherkey, newKeyJob, tenantId } from '../store/stored-rows.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { setDue } from '../../../testkit/src/database/set-due.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const rows = 2_100

let postgres: TestPostgres
let stores: TestStores
let store: Store
let due: DestructionRow
let digest: string
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  ;({ store } = stores)
  await insertTenant(store)
  await store.cipherkeys.insertActive(newCipherkey({ keyName: 'named' }))
  await stores.query(
    `insert into keyhold.cipherkeys (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
     select $1, gen_random_uuid(), 1, 'active', 1, '\\x00', sha256(n::text::bytea) from generate_series(2, $2::integer) n`,
    [tenantId, rows],
  )
  const [row] =
    await stores.query(`select string_agg(uuid_send(data_key_id) || int4send(version) || key_check_value, ''
    order by data_key_id, version) as identities from keyhold.cipherkeys`)
  digest = createHash('sha256')
    .update(row?.identities as Buffer)
    .digest('hex')
  due = await alone(store, tenantId).destructions.insert({
    ...{ id: newId(new Date()), tenantId, kind: 'tenant', scheduledBy: 'ak_1', inDays: 7 },
  })
  await setDue(store, due.id)
})

function createParts(on: Store = store) {
  const signRecord = vi.fn((payload: object) => JSON.stringify(payload))
  return {
    store: on,
    openTenantKey: () => Promise.resolve(undefined),
    ...{ signRecord, holdSigner: () => Promise.resolve(signRecord) },
    onShredded: vi.fn(),
    onDestroyed: vi.fn(),
    failures: [] as unknown[],
    signal: new AbortController().signal,
  }
}

const runDue = (parts: ReturnType<typeof createParts>) =>
  runDueDestructions(parts, runEachNow(parts.failures))
const count = () => store.surveys.count(tenantId)
const expireClaims = () =>
  stores.query('update keyhold.destructions set claimed_until = now() where claimed_until > now()')

/** A replica that dies at its n-th transaction, before it commits or right after. */
function dying(n: number, isCommitted: boolean): Store {
  let left = n
  const dead = () => Promise.reject(new Error('the replica is dead'))
  async function live<Result>(work: (die: () => void) => Promise<Result>): Promise<Result> {
    if (left <= 0) return dead()
    const isLast = --left === 0
    const result = await work(() => {
      if (isLast && !isCommitted) throw new Error('killed')
    })
    return isLast ? dead() : result
  }
  return {
    ...store,
    tenantDeletions: {
      ...store.tenantDeletions,
      giveUp: (...values) => (left <= 0 ? dead() : store.tenantDeletions.giveUp(...values)),
    },
    cipherkeyEnds: {
      ...store.cipherkeyEnds,
      deleteFailures: (...values) => live(() => store.cipherkeyEnds.deleteFailures(...values)),
    },
    transaction: (work) =>
      live((die) =>
        store.transaction(async (transaction) => {
          const result = await work(transaction)
          die()
          return result
        }),
      ),
    withFence: (ofTenant, work) =>
      live((die) =>
        store.withFence(ofTenant, async (...underFence) => {
          const result = await work(...underFence)
          die()
          return result
        }),
      ),
  }
}

test('a deletion goes on wherever a replica is killed, and its record is that of one that nobody disturbed', async () => {
  const job = await alone(store, tenantId).keyJobs.insert(newKeyJob())
  await stores.query("update keyhold.key_jobs set phase = 'done'")
  await resign(stores.db)
  await store.keyJobFailures.insert(job, [{ ...newCipherkey(), code: 'ERR_KEY_INTEGRITY' }])
  const state = async () => [await count(), await store.destructions.find(due.id)]
  let deaths = 0
  // Each transaction of the deletion is the last one of a replica twice: undone, and committed.
  for (let lives = 1; ;) {
    const before = await state()
    for (const isCommitted of [false, true]) {
      const parts = createParts(dying(lives, isCommitted))
      await runDue(parts)
      expect(parts.failures).toHaveLength(1)
      deaths += 1
      if (!isCommitted) expect(await state()).toEqual(before)
      // The claim outlives the replica: nobody else does the same work meanwhile.
      const other = createParts()
      await runDue(other)
      expect(other.onShredded).not.toHaveBeenCalled()
      await expireClaims()
    }
    const after = await state()
    if ((await store.destructions.find(due.id))?.destroyedAt !== undefined) break
    // Some transactions only look: the next replica lives longer.
    lives = JSON.stringify(after) === JSON.stringify(before) ? lives + 1 : 1
    expect(lives).toBeLessThan(6)
  }
  expect(deaths).toBeGreaterThan(10)
  expect(await count()).toBe(0)
  expect(await store.tenants.find(tenantId)).toBeUndefined()
  expect(await store.tenants.isRetired(tenantId)).toBe(true)
  expect(await stores.query('select from keyhold.key_job_failures')).toEqual([])
  const record = JSON.parse((await store.destructions.findRecord(due.id)) ?? '') as {
    cipherkeys: { listed: { dataKeyId: string }[] }
  }
  expect(record).toMatchObject({
    kind: 'tenant',
    tenantId,
    name: 'a tenant',
    keyNames: 1,
    keyJobs: 1,
    tenantKeys: [{ version: 1, state: 'active', destroyedAt: null }],
    cipherkeys: { count: rows, dataKeys: rows, digest },
  })
  expect(record.cipherkeys.listed).toHaveLength(1_000)
  const audits = await store.audits.list(undefined, { after: 0, limit: 10 })
  expect(audits.map(({ action, targetId }) => [action, targetId])).toEqual([['tenant.delete', tenantId]])
})

slowTest('it takes a thousand cipherkeys a transaction, and stops where it is told to', async () => {
  const parts = createParts()
  for (const left of [1_100, 100, 0]) {
    expect(await destroyTenant(parts, due, 0)).toBeUndefined()
    expect(await count()).toBe(left)
    expect(parts.signRecord).not.toHaveBeenCalled()
  }
  expect(await destroyTenant(parts, due, 0)).toMatchObject({ id: due.id })
  expect(parts.signRecord).toHaveBeenCalledOnce()
})

test('once it has begun nothing of the tenant opens, nobody can make keys, and there is no way back', async () => {
  const named = await store.cipherkeys.findActive(tenantId, 'named')
  const dataKeyId = named?.dataKeyId ?? ''
  const ofKey = await alone(store, tenantId).destructions.insert({
    ...{
      id: newId(new Date()),
      tenantId,
      kind: 'data-key',
      keyName: 'named',
      dataKeyId,
      scheduledBy: 'ak_1',
      inDays: 7,
    },
  })
  await setDue(store, ofKey.id)
  const parts = createParts()
  await destroyTenant(parts, due, 0)

  expect(parts.onShredded).toHaveBeenCalledOnce()
  expect(await stores.query('select state, wrapped from keyhold.tenant_keys')).toEqual([
    { state: 'destroyed', wrapped: null },
  ])
  expect(await count()).toBe(rows - 1_000)
  const [left] = await stores.query('select data_key_id from keyhold.cipherkeys limit 1')
  expect(await store.cipherkeys.find(tenantId, String(left?.data_key_id), 1)).toBeUndefined()
  expect(await store.cipherkeys.findActive(tenantId, 'named')).toBeUndefined()
  expect(await store.tenants.findFence(tenantId)).toBeUndefined()
  expect(await store.withFence(tenantId, (_, fence) => Promise.resolve(fence))).toBeUndefined()
  expect(await store.withFenceShared(tenantId, (_, fence) => Promise.resolve(fence))).toBeUndefined()
  await expect(store.cipherkeys.insertActive(newCipherkey())).rejects.toThrow('not active')
  const ended = { code: 'ERR_DESTRUCTION_ENDED' }
  await expect(cancelTenantDestruction(store, tenantId, systemActor)).rejects.toMatchObject(ended)
  const gone = { code: 'ERR_TENANT_NOT_FOUND' }
  await expect(deleteTenant(store, tenantId, systemActor)).rejects.toMatchObject(gone)
  // The destruction of the data key ends with it.
  expect((await store.destructions.listDue(10)).map(({ destruction }) => destruction.kind)).toEqual([
    'tenant',
  ])
  await runDue(parts)
  expect(await store.destructions.listDue(10)).toEqual([])
  const { jws } = { jws: await store.destructions.findRecord(due.id) }
  const all = await store.destructions.list(tenantId, 10)
  expect(await Promise.all(all.map(({ id }) => store.destructions.findRecord(id)))).toEqual([jws, jws])
})

slowTest('two replicas at once make one record, and one that fails leaves room for others', async () => {
  const [one, other] = [createParts(), createParts(stores.otherStore)]
  await Promise.all([runDue(one), runDue(other)])
  expect(one.onDestroyed.mock.calls.length + other.onDestroyed.mock.calls.length).toBe(1)
  expect(one.onShredded.mock.calls.length + other.onShredded.mock.calls.length).toBe(1)
})

slowTest('a large tenant whose rows are being deleted does not hold up what falls due after it', async () => {
  const parts = createParts()
  expect(await destroyTenant(parts, due, 0)).toBeUndefined()
  const other = 'tenant-2'
  await alone(store, other).tenants.insert({ id: other, name: 'other', activeTenantKeyVersion: 1 })
  const later = await alone(store, other).destructions.insert({
    ...{ id: newId(new Date()), tenantId: other, kind: 'tenant', scheduledBy: 'ak_1', inDays: 7 },
  })
  await setDue(store, later.id)
  const left: string[] = []
  // A sweep has time for one.
  await runDueDestructions(parts, async (findDue, _, run) => {
    const [first] = await findDue(undefined)
    if (first === undefined) throw new Error('nothing is due')
    const next = await findDue(first)
    await run(first)
    left.push(
      ...(next as unknown as { destruction: DestructionRow }[]).map(({ destruction }) => destruction.id),
    )
  })
  expect(parts.onDestroyed.mock.calls).toMatchObject([[{ id: later.id }]])
  expect(left).toEqual([due.id])
})

slowTest(
  'where the record cannot be signed, the rest is kept, and it is tried again after a while',
  async () => {
    const parts = createParts()
    parts.signRecord.mockImplementationOnce(() => {
      throw new Error('no key')
    })
    await runDue(parts)
    expect(parts.failures).toHaveLength(1)
    expect(await store.destructions.find(due.id)).toMatchObject({ destroyedAt: undefined })
    expect(await store.tenants.find(tenantId)).toBeDefined()
    await runDue(parts)
    expect(parts.signRecord).toHaveBeenCalledOnce()
    await expireClaims()
    await runDue(parts)
    expect(parts.onDestroyed).toHaveBeenCalledOnce()
    expect(JSON.parse((await store.destructions.findRecord(due.id)) ?? '')).toMatchObject({
      cipherkeys: { digest },
    })
  },
)

test.each([
  ['changed', `update keyhold.tenant_guards set locked_at = now(), locked_by = 'x'`],
  ['without a MAC', 'update keyhold.tenant_guards set mac = null'],
  ['gone', 'delete from keyhold.tenant_guards'],
])('a guard that is %s keeps nobody from deleting the tenant', async (_, change) => {
  await stores.query(change)
  const parts = createParts()
  await runDue(parts)
  expect(parts.failures).toEqual([])
  expect(parts.signRecord.mock.calls).toMatchObject([[{ tenantKeys: [{ version: 1, state: 'active' }] }]])
  expect(await store.tenants.find(tenantId)).toBeUndefined()
  const other = 'tenant-2'
  await insertTenant(store, other)
  await stores.query(change)
  await deleteTenant(store, other, systemActor)
  expect(await store.tenants.find(other)).toBeUndefined()
})

slowTest(
  'a key provider that somebody has changed keeps nobody from deleting the tenant, and nothing of it is signed',
  async () => {
    const keyArn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-1'
    const fingerprint = keyArnFingerprint(keyArn)
    await alone(store, tenantId).keyProviders.insert({
      ...{ tenantId, fingerprint, kms: 'aws', keyArn, isCurrent: false, name: '', description: '' },
    })
    await stores.query(
      `update keyhold.key_providers set key_arn = 'arn:aws:kms:eu-west-1:666666666666:key/evil'`,
    )
    const parts = createParts()
    await runDue(parts)
    expect(parts.failures).toEqual([])
    expect(parts.signRecord.mock.calls).toMatchObject([[{ keyProviders: [{ fingerprint, tampered: true }] }]])
    expect(JSON.stringify(parts.signRecord.mock.calls)).not.toContain('evil')
  },
)
