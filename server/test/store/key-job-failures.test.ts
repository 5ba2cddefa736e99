// Cipherkeys that a key job has set aside are named once, accepted by name, and forgotten when they open again.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NewCipherkey } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { KeyJobRow } from '../../src/store/key-jobs/key-jobs.ts'
import type { Store } from '../../src/store/store.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { activate, insertTenant, newCipherkey, newKeyJob, tenantId, tenantKeyRow } from './stored-rows.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let postgresOf: TestStores
let store: Store
let job: KeyJobRow
let jobId: string
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  postgresOf = await postgres.createStores()
  ;({ store } = postgresOf)
  await insertTenant(store)
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  job = await alone(store, tenantId).keyJobs.insert(newKeyJob())
  jobId = job.id
})

async function insertCipherkey(changes: Partial<NewCipherkey> = {}): Promise<NewCipherkey> {
  const cipherkey = newCipherkey(changes)
  await store.cipherkeys.insertActive(cipherkey)
  return cipherkey
}

const failureOf = ({ dataKeyId, version, tenantKeyVersion }: NewCipherkey) => ({
  dataKeyId,
  version,
  tenantKeyVersion,
  code: 'ERR_KEY_INTEGRITY',
})

test('a cipherkey is set aside once however often it fails, with its name, and is accepted by name alone', async () => {
  const [first, second] = [await insertCipherkey(), await insertCipherkey()]
  await store.keyJobFailures.insert(job, [failureOf(first)])
  await store.keyJobFailures.insert(job, [failureOf(first), failureOf(second)])
  await store.keyJobFailures.insert(job, [])
  expect(await store.keyJobFailures.count(jobId)).toEqual({ open: 2, accepted: 0 })

  expect(await alone(store, tenantId).keyJobFailures.accept(jobId, [{ ...first, version: 2 }], 'ak_1')).toBe(
    0,
  )
  expect(await alone(store, tenantId).keyJobFailures.accept(jobId, [first], 'ak_1')).toBe(1)
  expect(await alone(store, tenantId).keyJobFailures.accept(jobId, [first], 'ak_2'), 'twice').toBe(0)
  expect(await alone(store, tenantId).keyJobFailures.accept(randomUUID(), [second], 'ak_1')).toBe(0)
  expect(await store.keyJobFailures.count(jobId)).toEqual({ open: 1, accepted: 1 })
  const listed = await store.keyJobFailures.list(tenantId, jobId, 10)
  expect(listed.find(({ dataKeyId }) => dataKeyId === first.dataKeyId)).toMatchObject({
    keyName: first.keyName,
    tenantKeyVersion: 1,
    code: 'ERR_KEY_INTEGRITY',
    acceptedBy: 'ak_1',
    acceptedAt: expect.any(Date) as Date,
  })
  expect(listed.find(({ dataKeyId }) => dataKeyId === second.dataKeyId)?.acceptedAt).toBeUndefined()

  await alone(store, tenantId).keyJobFailures.delete(jobId, [first])
  expect(await store.keyJobFailures.count(jobId)).toEqual({ open: 1, accepted: 0 })
})

slowTest(
  'what was accepted under the version that wraps it now is accepted in the next key job too',
  async () => {
    const rows = await Promise.all(Array.from({ length: 3 }, () => insertCipherkey()))
    const [accepted, open, moved] = rows as [NewCipherkey, NewCipherkey, NewCipherkey]
    expect(await store.keyJobFailures.insert(job, rows.map(failureOf))).toBe(3)
    expect(await store.keyJobFailures.insert(job, rows.map(failureOf)), 'set aside already').toBe(0)
    await alone(store, tenantId).keyJobFailures.accept(jobId, [accepted, moved], 'ak_1')
    const before = [failureOf(accepted), failureOf(open), { ...failureOf(moved), tenantKeyVersion: 2 }]
    expect(await store.keyJobFailures.countAcceptedBefore(tenantId, before)).toBe(1)
    expect(await store.keyJobFailures.countAcceptedBefore('another', before)).toBe(0)

    await alone(store, tenantId).keyJobs.end(jobId)
    const next = await alone(store, tenantId).keyJobs.insert(newKeyJob())
    expect(await store.keyJobFailures.insert(next, before)).toBe(3)
    expect(await store.keyJobFailures.count(next.id)).toEqual({ open: 2, accepted: 1 })
    const [first] = (await store.keyJobFailures.list(tenantId, jobId, 10)).filter(
      ({ dataKeyId }) => dataKeyId === accepted.dataKeyId,
    )
    const listed = await store.keyJobFailures.list(tenantId, next.id, 10)
    expect(listed.find(({ dataKeyId }) => dataKeyId === accepted.dataKeyId)).toMatchObject({
      acceptedAt: first?.acceptedAt,
      acceptedBy: 'ak_1',
    })
  },
)

test('open failures are counted by version and reason, and take over a later reason', async () => {
  const [first, second, accepted] = [
    await insertCipherkey(),
    await insertCipherkey(),
    await insertCipherkey(),
  ]
  await store.keyJobFailures.insert(job, [first, second, accepted].map(failureOf))
  await alone(store, tenantId).keyJobFailures.accept(jobId, [accepted], 'ak_1')
  const damaged = { tenantKeyVersion: 1, code: 'ERR_KEY_INTEGRITY' }
  expect(await store.keyJobFailures.countOpen(jobId)).toEqual([{ ...damaged, count: 2 }])
  await alone(store, tenantId).keyJobFailures.changeCodes(jobId, [
    { ...failureOf(first), code: 'ERR_KMS_DENIED' },
  ])
  expect(await store.keyJobFailures.countOpen(jobId)).toMatchObject([
    { ...damaged, count: 1 },
    { tenantKeyVersion: 1, code: 'ERR_KMS_DENIED', count: 1 },
  ])
  await alone(store, tenantId).keyJobFailures.changeCodesUnder(jobId, 2, 'ERR_KMS_KEY_NOT_FOUND')
  await alone(store, tenantId).keyJobFailures.changeCodesUnder(jobId, 1, 'ERR_KMS_KEY_DISABLED')
  expect(await store.keyJobFailures.countOpen(jobId)).toEqual([
    { tenantKeyVersion: 1, code: 'ERR_KMS_KEY_DISABLED', count: 2 },
  ])
  const listed = await store.keyJobFailures.list(tenantId, jobId, 10)
  expect(listed.find(({ dataKeyId }) => dataKeyId === accepted.dataKeyId)?.code).toBe('ERR_KEY_INTEGRITY')
  expect(await store.keyJobFailures.listVersions(jobId)).toEqual([1])
})

test('they are listed page by page, each once', async () => {
  const rows = await Promise.all(Array.from({ length: 7 }, () => insertCipherkey()))
  await store.keyJobFailures.insert(job, rows.map(failureOf))
  const seen: { dataKeyId: string; version: number }[] = []
  for (;;) {
    const page = await store.keyJobFailures.list(tenantId, jobId, 3, seen.at(-1))
    if (page.length === 0) break
    seen.push(...page)
  }
  expect(seen.map(({ dataKeyId }) => dataKeyId)).toEqual(rows.map(({ dataKeyId }) => dataKeyId).sort())
  expect(
    await store.cipherkeyChunks.nextFailed(tenantId, jobId, undefined, { limit: 3, under: 1 }),
  ).toMatchObject({
    rows: 3,
  })
})

test('a cipherkey is stale unless it is under the version, or set aside and, at the end, accepted', async () => {
  const stale = async (acceptedOnly: boolean) =>
    (await store.surveys.findStale(tenantId, jobId, 2, acceptedOnly ? 'accepted' : 'set-aside')).isStale
  const left = await insertCipherkey({ tenantKeyVersion: 1 })
  await activate(store, 2)
  await insertCipherkey({ tenantKeyVersion: 2 })
  expect([await stale(false), await stale(true)]).toEqual([true, true])
  await store.keyJobFailures.insert(job, [failureOf(left)])
  expect([await stale(false), await stale(true)]).toEqual([false, true])
  await alone(store, tenantId).keyJobFailures.accept(jobId, [left], 'ak_1')
  expect([await stale(false), await stale(true)]).toEqual([false, false])
  expect(await store.surveys.findStale(tenantId, jobId, 2, 'accepted')).toMatchObject({ versions: [1] })
})

test('the counts that the database keeps are those of the rows, whatever has changed them', async () => {
  const rows = await Promise.all(Array.from({ length: 5 }, () => insertCipherkey()))
  const [first, second, third] = rows
  if (first === undefined || second === undefined || third === undefined) throw new Error('no rows')
  await store.keyJobFailures.insert(job, [
    ...rows.slice(0, 4).map(failureOf),
    { ...failureOf(third), version: 2 },
  ])
  await alone(store, tenantId).keyJobFailures.accept(jobId, [first, second], 'ak_1')
  await alone(store, tenantId).keyJobFailures.delete(jobId, [second])
  await alone(store, tenantId).keyJobFailures.changeCodesUnder(jobId, 1, 'ERR_KMS_DENIED')
  await alone(store, tenantId).keyJobFailures.changeCodes(jobId, [failureOf(third)])
  await postgresOf.query(`update keyhold.key_job_failures set tenant_key_version = null where version = 2`)
  const kept = await postgresOf.query(
    `select tenant_key_version, code, open, accepted from keyhold.key_job_failure_counts
     where open <> 0 or accepted <> 0 order by 1, 2`,
  )
  const counted = await postgresOf.query(
    `select coalesce(tenant_key_version, 0) as tenant_key_version, code, count(*) - count(accepted_at) as open,
       count(accepted_at) as accepted from keyhold.key_job_failures group by 1, 2 order by 1, 2`,
  )
  expect(kept).toEqual(counted)
  expect(kept).toHaveLength(3)
  expect(await store.keyJobFailures.count(jobId)).toEqual({ open: 3, accepted: 1 })
  expect(await store.keyJobFailures.listVersions(jobId)).toEqual([undefined, 1])
  const untold = await store.cipherkeyChunks.nextFailed(tenantId, jobId, undefined, {
    ...{ limit: 9, under: undefined },
  })
  // There is no such cipherkey.
  expect(untold).toBeUndefined()
})

slowTest('what is left behind is counted once, however many key jobs have accepted it', async () => {
  const [first, second] = [await insertCipherkey(), await insertCipherkey()]
  const counted = async () => (await store.surveys.countByVersion(tenantId, 60_000)).found.get(1)
  expect(await counted()).toEqual({ cipherkeys: 2, leftBehind: 0 })
  await store.keyJobFailures.insert(job, [failureOf(first), { ...failureOf(second), tenantKeyVersion: 2 }])
  expect(await counted(), 'set aside').toEqual({ cipherkeys: 2, leftBehind: 0 })
  await alone(store, tenantId).keyJobFailures.accept(jobId, [first, second], 'ak_1')
  expect(await counted(), 'accepted under another version').toEqual({ cipherkeys: 2, leftBehind: 1 })
  await alone(store, tenantId).keyJobs.end(jobId)
  await store.keyJobFailures.insert(await alone(store, tenantId).keyJobs.insert(newKeyJob()), [
    failureOf(first),
  ])
  expect(await counted()).toEqual({ cipherkeys: 2, leftBehind: 1 })
})

slowTest(
  'a version is unaccepted while any cipherkey under it is, whatever was accepted under another version',
  async () => {
    const [first, second] = [await insertCipherkey(), await insertCipherkey()]
    const unaccepted = () => store.surveys.findUnaccepted(tenantId, [1, 2], 60_000)
    await store.keyJobFailures.insert(job, [failureOf(first), { ...failureOf(second), tenantKeyVersion: 2 }])
    expect(await unaccepted()).toEqual([1])
    await alone(store, tenantId).keyJobFailures.accept(jobId, [first, second], 'ak_1')
    expect(await unaccepted()).toEqual([1])
    await alone(store, tenantId).keyJobs.end(jobId)
    const next = await alone(store, tenantId).keyJobs.insert(newKeyJob())
    await store.keyJobFailures.insert(next, [failureOf(second)])
    expect(await unaccepted()).toEqual([1])
    await alone(store, tenantId).keyJobFailures.accept(next.id, [second], 'ak_1')
    expect(await unaccepted()).toEqual([])
  },
)
