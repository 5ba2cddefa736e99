// The counts of caches are true.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { createCountingKms, createKeyring, createTenant } from './keyring-under-test.ts'

let postgres: TestPostgres
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
  ;({ store } = await postgres.createStores())
})
afterAll(() => postgres.stop())

test('tenant keys: found, waited for, pushed out, ended', async () => {
  const kms = createCountingKms()
  const [mine, other] = kms.arns
  const { tenantKeys } = createKeyring(store, kms, { maxTenantKeys: 2 })
  const ids = ['counted-1', 'counted-2', 'counted-3']
  for (const id of ids) await createTenant(store, kms, id, id === 'counted-3' ? other : mine)
  for (const id of ids) await tenantKeys.get(id, 1)
  await tenantKeys.get('counted-3', 1)
  expect(tenantKeys.counts()).toEqual({
    hits: 1,
    misses: 3,
    evictedForRoom: 1,
    ended: 0,
    entries: 2,
    maxEntries: 2,
  })
  tenantKeys.evictDenied({ keyArn: mine })
  expect(tenantKeys.counts()).toEqual({
    hits: 1,
    misses: 3,
    evictedForRoom: 1,
    ended: 1,
    entries: 1,
    maxEntries: 2,
  })
  tenantKeys.evictTenant('counted-3')
  expect(tenantKeys.counts()).toMatchObject({ ended: 2, entries: 0 })
})

test('data keys: found, waited for once for each that waits, pushed out, ended', async () => {
  const kms = createCountingKms()
  const { dataKeys, clock } = createKeyring(store, kms, { maxDataKeys: 4 })
  const tenantId = await createTenant(store, kms, 'counted-4', kms.arns[0])
  await Promise.all([dataKeys.getActive(tenantId, 'one'), dataKeys.getActive(tenantId, 'one')])
  // Each is held by its name and by its id.
  expect(dataKeys.counts()).toEqual({
    hits: 0,
    misses: 2,
    evictedForRoom: 0,
    ended: 0,
    entries: 2,
    maxEntries: 4,
  })
  const { id, version } = await dataKeys.getActive(tenantId, 'one')
  expect(dataKeys.findHeld(tenantId, id, version)).toBeDefined()
  expect(dataKeys.findHeldActive(tenantId, 'two')).toBeUndefined()
  expect(dataKeys.counts()).toMatchObject({ hits: 2, misses: 2 })
  for (const name of ['two', 'three']) await dataKeys.getActive(tenantId, name)
  expect(dataKeys.counts()).toEqual({
    hits: 2,
    misses: 4,
    evictedForRoom: 2,
    ended: 0,
    entries: 4,
    maxEntries: 4,
  })
  dataKeys.evictTenant(tenantId)
  expect(dataKeys.counts()).toMatchObject({ ended: 4, entries: 0 })
  await dataKeys.getActive(tenantId, 'two')
  clock.nowMs += 3_600_000
  // An entry that has run out is no hit, and its end no eviction.
  await dataKeys.getActive(tenantId, 'two')
  expect(dataKeys.counts()).toMatchObject({ hits: 2, misses: 6, ended: 4 })
})
