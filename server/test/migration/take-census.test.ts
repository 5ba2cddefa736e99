// The counts of a rehearsal beside traffic, which makes cipherkeys between the counting and the look.
import { generateKey, type Kms } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRewrapThreads } from '../../src/migration/engine/rewrap-threads.ts'
import { takeCensus } from '../../src/migration/take-census.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { insertTenant, newCipherkey, tenantId } from '../store/stored-rows.ts'

let postgres: TestPostgres
const threads = createRewrapThreads(1)
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(async () => {
  await threads.close()
  await postgres.stop()
})

test('the total is never less than what was checked', async () => {
  const { store } = await postgres.createStores()
  const { id } = await insertTenant(store)
  for (const keyName of ['one', 'two', 'three'])
    await store.cipherkeys.insertActive(newCipherkey({ keyName }))
  const kms = { unwrapTenantKey: () => Promise.reject(new Error('no version but the active one is needed')) }
  const parts = { store, kms: kms as unknown as Kms, threads, maxMs: 60_000 }
  const tenantKey = { tenantId, id, version: 1, format: 2, key: generateKey() } as const
  const censusOf = (total: number) => takeCensus(parts, tenantId, { tenantKey, total, mayBeMore: false })
  // Another key than the one that has wrapped them opens none.
  expect(await censusOf(1)).toMatchObject({ total: 3, checked: 3, unreadable: 3 })
  expect(await censusOf(5)).toMatchObject({ total: 5, checked: 3 })
})
