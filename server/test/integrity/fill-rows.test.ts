// Rows as replicas of the version before leave them are filled before they are adopted.
import { keyArnFingerprint } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { completeRows } from '../../src/store/authentic/adopt-rows.ts'
import { isInDigests } from '../../src/store/key-jobs/json-digests.ts'
import { insertTenant, newKeyJob, tenantId } from '../store/stored-rows.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  await insertTenant(stores.store)
})
afterAll(() => postgres.stop())

test('the digests of a key job are those of its JSON; a row that had others has no MAC any more', async () => {
  const job = await stores.store.withFence(tenantId, (store) => store.keyJobs.insert(newKeyJob()))
  const lastError = { code: 'ERR_KMS_TIMEOUT', message: 'm', at: '2026-11-30T20:00:00.000Z' }
  await stores.query('update keyhold.key_jobs set last_error = $1, progress_mac = $2', [
    JSON.stringify(lastError),
    Buffer.alloc(41, 1),
  ])
  await completeRows(stores.store, tenantId)
  const read = () =>
    stores.query('select json_digests, progress_mac from keyhold.key_jobs where id = $1', [job.id])
  const [row] = await read()
  expect(row?.progress_mac).toBeNull()
  expect(isInDigests(row?.json_digests as Buffer, 'lastError', lastError)).toBe(true)
  expect(isInDigests(row?.json_digests as Buffer, 'verification', null)).toBe(true)

  // A row that is right stays as it is, and one whose JSON has no form does too.
  await stores.query('update keyhold.key_jobs set progress_mac = $1', [Buffer.alloc(41, 2)])
  await completeRows(stores.store, tenantId)
  expect(await read()).toEqual([{ ...row, progress_mac: Buffer.alloc(41, 2) }])
  await stores.query(`update keyhold.key_jobs set last_error = '7'`)
  await completeRows(stores.store, tenantId)
  expect(await read()).toEqual([{ ...row, progress_mac: Buffer.alloc(41, 2) }])
})

test('a lock that a replica of the version before has written is in the guard, also in one that is signed', async () => {
  const read = () =>
    stores.query('select locked_by from keyhold.tenant_guards where tenant_id = $1', [tenantId])
  for (const spoil of [
    'delete from keyhold.tenant_guards',
    'update keyhold.tenant_guards set locked_at = null, locked_by = null',
  ]) {
    await stores.query(spoil)
    await stores.query('delete from keyhold.tenant_locks')
    await completeRows(stores.store, tenantId)
    expect(await read(), spoil).toEqual([{ locked_by: null }])
    await stores.query(`insert into keyhold.tenant_locks (tenant_id, locked_by) values ($1, 'somebody')`, [
      tenantId,
    ])
    await completeRows(stores.store, tenantId)
    expect(await read(), spoil).toEqual([{ locked_by: 'somebody' }])
  }
})

test('regions that a replica of the version before has inspected take the place of older ones, signed or not', async () => {
  const keyArn = 'arn:aws:kms:eu-west-1:111111111111:key/mrk-1'
  const regions = ['eu-west-3']
  const inspection = { replicaKeys: [{ keyArn, region: 'eu-west-3' }] }
  await stores.store.withFence(tenantId, ({ keyProviders }) =>
    keyProviders.insert({
      ...{ tenantId, fingerprint: keyArnFingerprint(keyArn), kms: 'aws', keyArn, isCurrent: false },
      ...{ name: 'own', description: '' },
    }),
  )
  const read = () =>
    stores.query(
      `select replica_regions, mac is null as unsigned from keyhold.key_providers where key_arn = '${keyArn}'`,
    )
  expect(await read()).toEqual([{ replica_regions: null, unsigned: false }])
  await stores.query(`update keyhold.key_providers set inspection = $1 where key_arn = '${keyArn}'`, [
    JSON.stringify(inspection),
  ])
  await completeRows(stores.store, tenantId)
  expect(await read()).toEqual([{ replica_regions: regions, unsigned: true }])

  await stores.query(`update keyhold.key_providers set mac = $1 where key_arn = '${keyArn}'`, [
    Buffer.alloc(41, 3),
  ])
  await completeRows(stores.store, tenantId)
  expect(await read()).toEqual([{ replica_regions: regions, unsigned: false }])
})
