// Whoever changes several rows of a table that others change at the same time locks them in the order of their primary key.
// Two that lock the same rows in different orders end in a deadlock, and one of them has done nothing.
import { readFile } from 'node:fs/promises'
import { globSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { addKeys } from '../health/many-keys.ts'
import { insertTenant, newCipherkey, newKeyJob, tenantId } from './stored-rows.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())

interface LockCase {
  /** The rows of the table, with the columns of their order. */
  table: string
  order: string
  /** Only these rows. */
  where: string
  change: () => Promise<unknown>
}

const lastFirst = <Row>(rows: readonly Row[]) => rows.toReversed()

async function probeCases(): Promise<LockCase[]> {
  await addKeys(stores, { prefix: 'key', count: 3, dueSeconds: -100, isShared: true, answeredSecondsAgo: 5 })
  const { keyProbes, keyHealth } = stores.store
  const shares = { hastened: 9, unhealthy: 9, healthy: 9 }
  const claimed = (await keyProbes.claim(9, shares, 30)).sort((a, b) => (a.tenantId < b.tenantId ? -1 : 1))
  const { fingerprint = '' } = claimed[0] ?? {}
  const end = { inSeconds: 60, urgency: 'healthy' as const, failures: 0 }
  const probes = { table: 'key_probes', order: 'tenant_id, fingerprint', where: 'true' }
  return [
    { ...probes, change: () => keyProbes.plan(lastFirst(claimed).map((probe) => ({ ...probe, ...end }))) },
    {
      ...probes,
      change: () =>
        keyProbes.hastenOthers(
          { tenantId: 'nobody', fingerprint },
          { region: 'eu-west-1', state: 'disabled' },
          1,
        ),
    },
    {
      ...{ table: 'key_health', order: 'tenant_id, fingerprint, region', where: 'true' },
      change: () => keyHealth.confirm(lastFirst(claimed).map((key) => ({ ...key, region: 'eu-west-1' }))),
    },
  ]
}

async function failureCases(): Promise<LockCase[]> {
  const { store } = stores
  await insertTenant(store)
  const job = await alone(store, tenantId).keyJobs.insert(newKeyJob())
  const rows = [newCipherkey(), newCipherkey(), newCipherkey()].map((row) => ({
    ...row,
    code: 'ERR_KMS_DENIED',
  }))
  const failures = lastFirst(rows.sort((a, b) => (a.dataKeyId < b.dataKeyId ? -1 : 1)))
  await store.keyJobFailures.insert(job, failures)
  const changed = failures.map((each) => ({ ...each, code: 'ERR_KEY_INTEGRITY' }))
  const where = `key_job_id = '${job.id}'`
  const setAside = { table: 'key_job_failures', order: 'data_key_id, version', where }
  return [
    { ...setAside, change: () => alone(store, tenantId).keyJobFailures.changeCodes(job.id, changed) },
    { ...setAside, change: () => alone(store, tenantId).keyJobFailures.accept(job.id, failures, 'ak_1') },
    { ...setAside, change: () => store.cipherkeyEnds.deleteFailures(tenantId, 2) },
    { ...setAside, change: () => alone(store, tenantId).keyJobFailures.delete(job.id, failures) },
  ]
}

async function versionCases(): Promise<LockCase[]> {
  const { store } = stores
  const { dataKeyId } = newCipherkey()
  // The oldest is stored last.
  for (const version of [3, 2, 1]) {
    await store.cipherkeys.insertActive(newCipherkey({ dataKeyId, version, keyName: `name-${version}` }))
    await store.cipherkeys.endEncryption({ tenantId, dataKeyId, version })
  }
  return [
    {
      ...{ table: 'cipherkeys', order: 'version', where: `data_key_id = '${dataKeyId}'` },
      change: () => alone(store, tenantId).minimumVersions.set(tenantId, dataKeyId, 2),
    },
  ]
}

const isWaiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`

/** Holds the first row, and answers how many rows the change holds while it waits for that one. */
async function lockedBehindFirst({ table, order, where, change }: LockCase): Promise<number> {
  const held = Promise.withResolvers<undefined>()
  const holds = Promise.withResolvers<undefined>()
  const holder = stores.store.transaction(async ({ handle }) => {
    const first = sql.raw(`select from keyhold.${table} where ${where} order by ${order} limit 1 for update`)
    await sql`${first}`.execute(handle)
    holds.resolve(undefined)
    await held.promise
  })
  await holds.promise
  const changing = change()
  await expect.poll(async () => (await stores.query(isWaiting)).length, { timeout: 20_000 }).toBe(1)
  const count = async (skip: string) =>
    (await stores.query(`select from keyhold.${table} where ${where} ${skip}`)).length
  const locked = (await count('')) - (await count('for update skip locked'))
  held.resolve(undefined)
  await Promise.all([holder, changing])
  return locked
}

test.each([
  ['probes and states of keys', probeCases],
  ['what a key job has set aside', failureCases],
  ['the versions of a data key', versionCases],
])('%s are locked in order: who waits for the first row holds none', async (_name, prepare) => {
  for (const each of await prepare())
    expect([each.change.toString(), await lockedBehindFirst(each)]).toEqual([each.change.toString(), 1])
})

// Statements of kysely's builder are not seen here.
const reasons: Record<string, string> = {
  'api-keys/resign-scope.ts': 'the keys are locked in order before, and their scope before them',
  'cipherkeys/cipherkey-chunks.ts': 'the records come in the order of the primary key, and so does its index',
  'cipherkeys/cipherkey-ends.ts': 'the transaction has the fence of the tenant alone',
  'fence/fence-queries.ts': 'one row',
  'guards/guard-rows.ts': 'one row',
  'key-jobs/key-job-failures.ts': 'the transaction has locked these rows in their order before',
}

test('a statement that changes rows found by another part of it locks them in order', async () => {
  const folder = path.join(import.meta.dirname, '../../src/store')
  const unordered: string[] = []
  for (const file of globSync('**/*.ts', { cwd: folder, exclude: ['schema/**'] })) {
    const source = await readFile(path.join(folder, file), 'utf8')
    for (const [text] of source.matchAll(/sql(?:<[^`]*?>)?`[^`]*\b(?:update|delete from) keyhold\.[^`]*`/g)) {
      const isOfMany = /\b(?:update|delete from) keyhold\.[^`]*\b(?:from|using|in \(|any \()/.test(
        text.replace('delete from', 'delete'),
      )
      if (isOfMany && !text.includes('for update') && !text.includes('lockNamed') && !(file in reasons))
        unordered.push(`${file}: ${text.slice(0, 200)}`)
    }
  }
  expect(unordered).toEqual([])
})
