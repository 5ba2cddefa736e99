// A row that is faulty stops the work for its tenant, and for no other.
import { keyArnFingerprint } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../../src/keyring/new-id.ts'
import { alone } from '../../../../testkit/src/database/alone.ts'
import { setDue } from '../../../../testkit/src/database/set-due.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { insertTenant, tenantKeyRow } from '../stored-rows.ts'

const keyArn = 'arn:aws:kms:eu-west-1:111111111111:key/mrk-1'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  for (const tenantId of ['spoiled', 'sound']) {
    await insertTenant(stores.store, tenantId)
    const { destructions, keyProviders, tenantKeys } = alone(stores.store, tenantId)
    const id = newId(new Date())
    await destructions.insert({ id, tenantId, kind: 'tenant', scheduledBy: 'ak_1', inDays: 7 })
    await setDue(stores.store, id, -1_000)
    await keyProviders.insert({
      ...{ tenantId, fingerprint: keyArnFingerprint(keyArn), kms: 'aws', keyArn, isCurrent: false },
      ...{ name: 'own', description: '' },
    })
    await tenantKeys.insert(
      tenantKeyRow({ tenantId, id: newId(new Date()), version: 2, state: 'pending', keyArn }),
    )
  }
  await stores.query('update keyhold.key_probes set due_at = now()')
})
afterAll(() => postgres.stop())

test.each([
  ['no MAC', 'null'],
  ['a wrong MAC', 'set_byte(mac, 20, 255 - get_byte(mac, 20))'],
  ['a MAC under a root key that nobody has', 'set_byte(mac, 1, 255 - get_byte(mac, 1))'],
])('one with %s', async (_name, mac) => {
  const { store } = stores
  for (const table of ['destructions', 'key_providers']) {
    await stores.query(
      `create table public.${table} as select * from keyhold.${table} where tenant_id = 'spoiled'`,
    )
    await stores.query(`update keyhold.${table} set mac = ${mac} where tenant_id = 'spoiled'`)
  }
  const due = await store.destructions.listDue(10)
  expect(due.map(({ destruction }) => destruction.tenantId)).toEqual(['sound'])
  const listed = await store.destructions.list(undefined, 10)
  expect(listed.map(({ tenantId, isTampered }) => [tenantId, isTampered]).sort()).toEqual([
    ['sound', false],
    ['spoiled', true],
  ])
  await stores.query('update keyhold.key_probes set due_at = now(), claimed_until = null')
  const probes = await store.keyProbes.claim(10, { hastened: 10, unhealthy: 10, healthy: 10 }, 60)
  expect(probes.map(({ tenantId }) => tenantId)).toEqual(['sound'])
  for (const table of ['destructions', 'key_providers']) {
    await stores.query(
      `update keyhold.${table} t set mac = o.mac from public.${table} o where t.tenant_id = o.tenant_id and t.tenant_id = 'spoiled'`,
    )
    await stores.query(`drop table public.${table}`)
  }
})
