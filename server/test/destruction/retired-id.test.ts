// A tenant that is made in the very moment in which the one of that id is deleted.
import { isKeyholdError, type Kms } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
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

const create = (kms: Kms & { arns: readonly [string, string] }, id = 'again') =>
  createTenant(
    {
      ...{ store: stores.otherStore, kms, internalKeyArn: kms.arns[0] },
      ...{ internalKmsName: 'Internal', internalKmsDescription: '' },
    },
    { id, name: 'Again' },
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

test('the id of a deleted tenant is not given back by whoever deletes the note of it', async () => {
  const kms = createCountingKms()
  const { store } = stores
  for (const trace of ['audit', 'destruction'] as const) {
    const id = `deleted-${trace}`
    await alone(store, id).tenants.insert({ id, name: 'Deleted', activeTenantKeyVersion: 1 })
    await store.withFence(id, async (transaction) => {
      if (trace === 'audit')
        transaction.audit({ tenantId: id, actor: systemActor, action: 'tenant.lock', targetId: id })
      else {
        const named = {
          id: randomUUID(),
          tenantId: id,
          kind: 'tenant',
          scheduledBy: 'ak_1',
          inDays: 7,
        } as const
        await transaction.destructions.insert(named)
        await transaction.destructions.cancelAll(id, 'ak_1')
      }
      await transaction.tenants.delete(id)
    })
    await stores.query('delete from keyhold.retired_tenant_ids where id = $1', [id])
    const creating = create(kms, id).catch((error: unknown) => error)
    expect(isKeyholdError(await creating, 'ERR_TENANT_EXISTS')).toBe(true)
  }
  expect(await create(kms, 'never-used')).toMatchObject({ id: 'never-used' })
})
