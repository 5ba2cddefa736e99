// The database itself refuses this, whatever a program with a mistake in it may ask: these rules guard keys.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { activate, insertTenant, newCipherkey, newKeyJob, tenantId, tenantKeyRow } from './stored-rows.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { keyArnFingerprint } from '@keyhold/core'

let postgres: TestPostgres
let database: TestStores
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
  store = database.store
  await insertTenant(store)
})

const sql = (statement: string) => database.query(statement)

const arnOf = (name: string) => `arn:aws:kms:eu-west-1:222222222222:key/${name}`
const fingerprintOf = (name: string) => keyArnFingerprint(arnOf(name))

function provider(name: string, isCurrent: boolean) {
  const key = { kms: 'aws' as const, keyArn: arnOf(name), fingerprint: fingerprintOf(name) }
  return { tenantId, ...key, name, description: '', isCurrent }
}

test('a tenant has at most one active tenant key', async () => {
  await expect(alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2 }))).rejects.toMatchObject({
    constraint: 'tenant_keys_one_active',
  })
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  await expect(alone(store, tenantId).tenantKeys.setState(tenantId, 2, 'active')).rejects.toMatchObject({
    constraint: 'tenant_keys_one_active',
  })
})

test('a tenant key version is used once, and so is its id', async () => {
  const row = tenantKeyRow({ version: 2, state: 'pending' })
  await alone(store, tenantId).tenantKeys.insert(row)
  await expect(alone(store, tenantId).tenantKeys.insert(row)).rejects.toMatchObject({
    constraint: 'tenant_keys_pkey',
  })
  await expect(alone(store, tenantId).tenantKeys.insert({ ...row, version: 3 })).rejects.toMatchObject({
    constraint: 'tenant_keys_id_key',
  })
  await expect(sql('update keyhold.tenant_keys set version = 0')).rejects.toMatchObject({ code: '23514' })
})

test('a tenant key is empty exactly when it is destroyed', async () => {
  await expect(sql(`update keyhold.tenant_keys set wrapped = null`)).rejects.toMatchObject({ code: '23514' })
  await expect(sql(`update keyhold.tenant_keys set state = 'destroyed'`)).rejects.toMatchObject({
    code: '23514',
  })
  await sql(`update keyhold.tenant_keys set state = 'destroyed', wrapped = null`)
  await resign(database.db)
  expect(await store.tenantKeys.find(tenantId, 1)).toMatchObject({ state: 'destroyed', wrapped: undefined })
})

test('a tenant has at most one current provider, and each key once', async () => {
  await alone(store, tenantId).keyProviders.insert(provider('a', true))
  await alone(store, tenantId).keyProviders.insert(provider('b', false))
  await expect(alone(store, tenantId).keyProviders.insert(provider('c', true))).rejects.toMatchObject({
    constraint: 'key_providers_one_current',
  })
  await expect(alone(store, tenantId).keyProviders.insert(provider('a', false))).rejects.toMatchObject({
    code: 'ERR_KEY_PROVIDER_EXISTS',
  })
  await expect(sql(`update keyhold.key_providers set is_current = true`)).rejects.toMatchObject({
    constraint: 'key_providers_one_current',
  })
})

test('switching providers leaves exactly one current, both with the same instant', async () => {
  await alone(store, tenantId).keyProviders.insert(provider('a', true))
  await alone(store, tenantId).keyProviders.insert(provider('b', false))
  await store.withFence(tenantId, (transaction) =>
    transaction.keyProviders.switchCurrent(tenantId, fingerprintOf('b')),
  )
  const demoted = await store.keyProviders.find(tenantId, fingerprintOf('a'))
  expect(demoted).toMatchObject({ isCurrent: false, demotedAt: expect.any(Date) as Date })
  expect(await store.keyProviders.getCurrent(tenantId)).toMatchObject({
    fingerprint: fingerprintOf('b'),
    promotedAt: demoted?.demotedAt,
  })
  const missing = store.withFence(tenantId, (transaction) =>
    transaction.keyProviders.switchCurrent(tenantId, 'gone'),
  )
  await expect(missing).rejects.toThrow()
  expect(await store.keyProviders.getCurrent(tenantId)).toMatchObject({ fingerprint: fingerprintOf('b') })
})

test('a tenant has at most one live key job, and any number of ended ones', async () => {
  await alone(store, tenantId).keyJobs.insert(newKeyJob())
  await expect(alone(store, tenantId).keyJobs.insert(newKeyJob())).rejects.toMatchObject({
    code: 'ERR_MIGRATION_RUNNING',
  })
  const endAs = async (phase: string) => {
    await sql(`update keyhold.key_jobs set phase = '${phase}' where phase not in ('done', 'aborted')`)
    await resign(database.db)
  }
  await endAs('done')
  await alone(store, tenantId).keyJobs.insert(newKeyJob())
  await endAs('aborted')
  await alone(store, tenantId).keyJobs.insert(newKeyJob())
  await expect(sql(`update keyhold.key_jobs set phase = 'copy'`)).rejects.toMatchObject({
    constraint: 'key_jobs_one_live',
  })
})

const refusedByGuard = { code: '23514', constraint: 'cipherkeys_under_active' }

test('a cipherkey comes only under a tenant key version of its own tenant that exists', async () => {
  await insertTenant(store, 'tenant-2')
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  for (const changes of [
    { tenantKeyVersion: 3 },
    { tenantId: 'tenant-2', tenantKeyVersion: 2 },
    { tenantId: 'nobody' },
  ]) {
    const cipherkey = newCipherkey(changes)
    await expect(store.cipherkeys.insertActive(cipherkey)).rejects.toMatchObject(refusedByGuard)
  }
  const some = [newCipherkey(), newCipherkey({ tenantKeyVersion: 3 })]
  await expect(store.cipherkeys.insertManyActive(some)).rejects.toMatchObject(refusedByGuard)
  await store.cipherkeys.insertActive(newCipherkey())
  await expect(sql(`update keyhold.cipherkeys set tenant_key_version = 9`)).rejects.toMatchObject(
    refusedByGuard,
  )
})

test('a closed tenant key version gets no cipherkey, and those that it has may change', async () => {
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  const [left, moved] = [newCipherkey(), newCipherkey()]
  for (const row of [left, moved]) await store.cipherkeys.insertActive(row)
  const move = (version: number, { dataKeyId }: { dataKeyId: string }) =>
    sql(`update keyhold.cipherkeys set tenant_key_version = ${version} where data_key_id = '${dataKeyId}'`)
  await expect(move(2, moved), 'not open yet').rejects.toMatchObject(refusedByGuard)
  await activate(store, 2)
  await move(2, moved)
  await expect(store.cipherkeys.insertActive(newCipherkey())).rejects.toMatchObject(refusedByGuard)
  // Also in one statement with a row that stays where it is.
  await expect(move(1, moved)).rejects.toMatchObject(refusedByGuard)
  await expect(sql('update keyhold.cipherkeys set tenant_key_version = 1')).rejects.toMatchObject(
    refusedByGuard,
  )

  expect(await store.cipherkeys.endEncryption(left)).toBe(true)
  expect(await store.cipherkeys.findActive(tenantId, left.keyName)).toBeUndefined()
  await sql("update keyhold.cipherkeys set state = 'retired'")
  await alone(store, tenantId).tenantKeys.destroy(tenantId, 1)
  await sql("update keyhold.cipherkeys set state = 'decrypt-only'")
  await expect(store.cipherkeys.insertActive(newCipherkey())).rejects.toMatchObject(refusedByGuard)
})

test('what still wraps something cannot be deleted', async () => {
  await store.cipherkeys.insertActive(newCipherkey())
  // restrict_violation, or foreign_key_violation before PostgreSQL 18
  const refused = { code: expect.stringMatching(/^2300[13]$|^23503$/) as string }
  await expect(alone(store, tenantId).tenantKeys.deleteAll(tenantId)).rejects.toMatchObject(refused)
  await expect(alone(store, tenantId).tenants.delete(tenantId)).rejects.toMatchObject(refused)
  await expect(
    sql(`update keyhold.tenant_keys set version = 7 where tenant_id = '${tenantId}'`),
  ).rejects.toMatchObject(refused)
})

test.each([
  ['a key check value cut short', `update keyhold.cipherkeys set key_check_value = '\\x00'`],
  ['a tenant key check value cut short', `update keyhold.tenant_keys set key_check_value = '\\x00'`],
  ['a tenant id with a slash', `insert into keyhold.tenants values ('a/b', 'n', 0, 1)`],
  [
    'a second installation row',
    `insert into keyhold.installation (id, root_key_id, root_key_check_value)
    select gen_random_uuid(), 'r', decode(repeat('00', 32), 'hex') from generate_series(1, 2)`,
  ],
  [
    'an operator key with a tenant',
    `insert into keyhold.api_keys values
    ('k', decode(repeat('00', 32), 'hex'), 'operator', '${tenantId}', 'n')`,
  ],
  [
    'an admin key without a tenant',
    `insert into keyhold.api_keys values
    ('k', decode(repeat('00', 32), 'hex'), 'tenant-admin', null, 'n')`,
  ],
  ['a phase that does not exist', `update keyhold.key_jobs set phase = 'later'`],
])('the database refuses %s', async (_, statement) => {
  await store.cipherkeys.insertActive(newCipherkey())
  await alone(store, tenantId).keyJobs.insert(newKeyJob())
  await expect(sql(statement)).rejects.toMatchObject({
    code: expect.stringMatching(/^235(14|05)$/) as string,
  })
})
