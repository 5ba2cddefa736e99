// A tenant that is made in the very moment in which the one of that id is deleted.
import { isKeyholdError, type Kms } from '@keyhold/core'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTenant } from '../../src/access/create-tenant.ts'
import { systemActor } from '../../src/store/audits.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { createCountingKms } from '../keyring/keyring-under-test.ts'
import { alone } from '../../../testkit/src/database/alone.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())

const create = (kms: Kms & { arns: readonly [string, string] }) =>
  createTenant(
    {
      ...{ store: stores.otherStore, kms, internalKeyArn: kms.arns[0] },
      ...{ internalKmsName: 'Internal', internalKmsDescription: '' },
    },
    { id: 'again', name: 'Again' },
    systemActor,
  )

async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const rows = await stores.query(`select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`)
    if (rows.length > 0) return
    await sleep(10)
  }
}

test('the id of a tenant is never used again, however close the two are', async () => {
  const kms = createCountingKms()
  const { store } = stores
  await alone(store, 'again').tenants.insert({ id: 'again', name: 'Again', activeTenantKeyVersion: 1 })
  const created = await store.withFence('again', async (transaction) => {
    await transaction.tenants.delete('again')
    const creating = create(kms).catch((error: unknown) => error)
    await untilSomebodyWaits()
    return { creating }
  })
  expect(isKeyholdError(await created.creating, 'ERR_TENANT_EXISTS')).toBe(true)
  expect(await store.tenants.find('again')).toBeUndefined()
  expect(isKeyholdError(await create(kms).catch((error: unknown) => error), 'ERR_TENANT_EXISTS')).toBe(true)
})
