// What a key job has set aside: named once, accepted by name, forgotten when it opens again.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NewCipherkey } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { Store } from '../../src/store/store.ts'
import { activate, insertTenant, newCipherkey, newKeyJob, tenantId, tenantKeyRow } from './stored-rows.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/test-database.ts'

let postgres: TestPostgres
let store: Store
let jobId: string
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  ;({ store } = await postgres.createStores())
  await insertTenant(store)
  await store.tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  jobId = (await store.keyJobs.insert(newKeyJob())).id
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
  await store.keyJobFailures.insert(jobId, [failureOf(first)])
  await store.keyJobFailures.insert(jobId, [failureOf(first), failureOf(second)])
  await store.keyJobFailures.insert(jobId, [])
  expect(await store.keyJobFailures.count(jobId)).toEqual({ open: 2, accepted: 0 })

  expect(await store.keyJobFailures.accept(jobId, [{ ...first, version: 2 }], 'ak_1')).toBe(0)
  expect(await store.keyJobFailures.accept(jobId, [first], 'ak_1')).toBe(1)
  expect(await store.keyJobFailures.accept(jobId, [first], 'ak_2'), 'twice').toBe(0)
  expect(await store.keyJobFailures.accept(randomUUID(), [second], 'ak_1')).toBe(0)
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

  await store.keyJobFailures.delete(jobId, [first])
  expect(await store.keyJobFailures.count(jobId)).toEqual({ open: 1, accepted: 0 })
})

test('they are listed page by page, each once', async () => {
  const rows = await Promise.all(Array.from({ length: 7 }, () => insertCipherkey()))
  await store.keyJobFailures.insert(jobId, rows.map(failureOf))
  const seen: { dataKeyId: string; version: number }[] = []
  for (;;) {
    const page = await store.keyJobFailures.list(tenantId, jobId, 3, seen.at(-1))
    if (page.length === 0) break
    seen.push(...page)
  }
  expect(seen.map(({ dataKeyId }) => dataKeyId)).toEqual(rows.map(({ dataKeyId }) => dataKeyId).sort())
  expect(await store.cipherkeyChunks.nextFailed(tenantId, jobId, undefined, 3)).toMatchObject({ rows: 3 })
})

test('a cipherkey is stale unless it is under the version, or set aside and, at the end, accepted', async () => {
  const stale = async (acceptedOnly: boolean) =>
    (await store.surveys.findStale(tenantId, jobId, 2, acceptedOnly ? 'accepted' : 'set-aside')).isStale
  const left = await insertCipherkey({ tenantKeyVersion: 1 })
  await activate(store, 2)
  await insertCipherkey({ tenantKeyVersion: 2 })
  expect([await stale(false), await stale(true)]).toEqual([true, true])
  await store.keyJobFailures.insert(jobId, [failureOf(left)])
  expect([await stale(false), await stale(true)]).toEqual([false, true])
  await store.keyJobFailures.accept(jobId, [left], 'ak_1')
  expect([await stale(false), await stale(true)]).toEqual([false, false])
  expect(await store.surveys.findStale(tenantId, jobId, 2, 'accepted')).toMatchObject({ versions: [1] })
})
