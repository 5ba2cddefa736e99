// No statement takes longer the more cipherkeys a tenant has, or the more of them were set aside: each reads a page of them
// at most. From some 20 million rows on, one that reads them all would meet the time limit of statements.
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { changeReason } from '../../src/migration/phases/retry-failures.ts'
import { findNeededVersions } from '../../src/health/find-needed-versions.ts'
import { getKeyProviderUsage } from '../../src/providers/key-provider-usage.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { activate, insertTenant, newKeyJob, tenantId, tenantKeyRow } from './stored-rows.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const cipherkeys = 60_000
const setAside = 30_000
// The end of a page is looked for first. Then the page is read, and what was set aside of it.
const mostRows = 30_000

let postgres: TestPostgres
let stores: TestStores
let keyJobId: string
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  const { store } = stores
  await insertTenant(store)
  const [{ keyArn } = tenantKeyRow()] = await store.tenantKeys.list(tenantId)
  const named = { name: 'a key', description: '', isCurrent: true, kms: 'internal' as const }
  await alone(store, tenantId).keyProviders.insert({ tenantId, fingerprint: tenantId, keyArn, ...named })
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  await stores.query(`insert into keyhold.cipherkeys
    (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
    select '${tenantId}', gen_random_uuid(), 1, 'active', 1, '\\x00', sha256('')
    from generate_series(1, ${cipherkeys})`)
  await activate(store, 2)
  ;({ id: keyJobId } = await alone(store, tenantId).keyJobs.insert(newKeyJob()))
  await stores.query(`insert into keyhold.key_job_failures
    (key_job_id, data_key_id, version, tenant_key_version, code, accepted_at, accepted_by)
    select '${keyJobId}', data_key_id, version, 1, 'ERR_KMS_DENIED', now(), 'ak_1'
    from keyhold.cipherkeys where tenant_id = '${tenantId}' limit ${setAside}`)
  await signAnew()
})
afterAll(() => postgres.stop())
afterEach(() => vi.restoreAllMocks())

/** After rows were written by SQL. Autovacuum would count them, too. */
async function signAnew(): Promise<void> {
  await resign(stores.db)
  await stores.query('analyze keyhold.key_job_failures')
}

const countReads = `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::integer as reads
  from pg_stat_xact_user_tables where schemaname = 'keyhold' and relname ~ '^(cipherkeys|key_job_failures)'`

type Query = (this: pg.Client, ...values: unknown[]) => Promise<pg.QueryResult>

/** The most rows that one transaction of `work` reads; a statement outside of one is a transaction, too. */
async function mostRowsRead(work: () => Promise<unknown>): Promise<number> {
  const clients = pg.Client.prototype as unknown as { query: Query }
  const { query } = clients
  // How much each connection had read when its transaction began.
  const begun = new Map<pg.Client, number>()
  const reads = async (client: pg.Client) =>
    ((await query.call(client, countReads)).rows[0] as { reads: number }).reads
  let most = 0
  vi.spyOn(clients, 'query').mockImplementation(async function (this: pg.Client, ...values: unknown[]) {
    const text = String(values[0])
    const before = begun.get(this)
    if (/^(begin|start transaction)/.test(text)) {
      const result = await query.apply(this, values)
      begun.set(this, await reads(this))
      return result
    }
    if (before !== undefined && /^(commit|rollback)/.test(text)) {
      most = Math.max(most, (await reads(this)) - before)
      begun.delete(this)
    }
    if (before !== undefined) return query.apply(this, values)
    await query.call(this, 'begin')
    const first = await reads(this)
    const result = await query.apply(this, values)
    most = Math.max(most, (await reads(this)) - first)
    await query.call(this, 'commit')
    return result
  })
  await work()
  vi.restoreAllMocks()
  return most
}

const parts = () => ({ store: stores.store, countMs: 60_000 })

test('the usage of a key', async () => {
  const most = await mostRowsRead(async () => {
    const { tenantKeys } = await getKeyProviderUsage(parts(), tenantId, tenantId)
    const counts = { leftBehind: setAside, mayBeMore: false }
    expect(tenantKeys).toMatchObject([
      { version: 2, cipherkeys: 0 },
      { version: 1, cipherkeys, ...counts },
    ])
  })
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(mostRows)
})

slowTest('the number of cipherkeys, in time or as far as that reaches', async () => {
  const { surveys } = stores.store
  const most = await mostRowsRead(async () => {
    expect(await surveys.countInTime(tenantId, 60_000)).toEqual({ found: cipherkeys, isWhole: true })
  })
  expect(most).toBeLessThanOrEqual(mostRows)
  expect(await surveys.countInTime(tenantId, 0)).toEqual({ found: 0, isWhole: false })
})

test('whether there was a blind index of that name', async () => {
  const { dataKeys } = stores.store
  await stores.query(`update keyhold.cipherkeys set key_name = 'blind-index:old', state = 'decrypt-only'
    where data_key_id = (select data_key_id from keyhold.cipherkeys limit 1)`)
  const most = await mostRowsRead(async () => {
    const found = await dataKeys.findBlindIndexes(tenantId, ['blind-index:new', 'blind-index:old'])
    expect(found).toEqual(['blind-index:old'])
  })
  expect(most).toBeLessThan(10)
})

test('what a key job has set aside', async () => {
  const { keyJobFailures, keyJobs, cipherkeyChunks, metricCounts } = stores.store
  await stores.query('update keyhold.key_job_failures set accepted_at = null, accepted_by = null')
  await signAnew()
  const [row] = await keyJobs.list(tenantId, 1)
  const most = await mostRowsRead(async () => {
    expect(await keyJobFailures.count(keyJobId)).toEqual({ open: setAside, accepted: 0 })
    expect(await keyJobFailures.countOpen(keyJobId)).toMatchObject([{ count: setAside }])
    expect(await keyJobFailures.listVersions(keyJobId)).toEqual([1])
    await changeReason(stores.store, keyJobId, 1, 'ERR_KMS_KEY_DISABLED')
    await changeReason(stores.store, keyJobId, 1, 'ERR_KMS_KEY_DISABLED')
    expect(await keyJobFailures.countOpen(keyJobId)).toMatchObject([
      { count: setAside, code: 'ERR_KMS_KEY_DISABLED' },
    ])
    const chunk = await cipherkeyChunks.nextFailed(tenantId, keyJobId, undefined, { limit: 100, under: 1 })
    expect(chunk?.rows).toBe(100)
    expect((await metricCounts.countLive()).openFailures).toBe(setAside)
  })
  expect(row?.id).toBe(keyJobId)
  expect(most).toBeLessThanOrEqual(mostRows)
  await stores.query('update keyhold.key_job_failures set accepted_at = now(), accepted_by = $1', ['ak_1'])
  await signAnew()
})

slowTest('which versions are needed; those in doubt when the time is over are', async () => {
  const { store } = stores
  const versions = (await store.tenantKeys.list(tenantId)).filter(({ version }) => version === 1)
  const most = await mostRowsRead(async () => {
    expect(await findNeededVersions(store, tenantId, versions, 60_000)).toEqual([1])
  })
  expect(most).toBeLessThanOrEqual(mostRows)
  await stores.query(`update keyhold.cipherkeys c set tenant_key_version = 2 where not exists
    (select from keyhold.key_job_failures f where f.data_key_id = c.data_key_id)`)
  expect(await findNeededVersions(store, tenantId, versions, 60_000)).toEqual([])
  expect(await findNeededVersions(store, tenantId, versions, 0)).toEqual([1])
})
