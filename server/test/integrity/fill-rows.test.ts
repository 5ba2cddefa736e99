// Rows as replicas of the version before leave them are filled before they are adopted.
import { keyArnFingerprint } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { completeRows } from '../../src/store/authentic/adopt-rows.ts'
import { isInDigests } from '../../src/store/key-jobs/json-digests.ts'
import { insertTenant, newCipherkey, newKeyJob, tenantId } from '../store/stored-rows.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

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

slowTest(
  'a lock that a replica of the version before has written is in the guard, also in one that is signed',
  async () => {
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
  },
)

slowTest(
  'regions that a replica of the version before has inspected take the place of older ones, signed or not',
  async () => {
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
  },
)

test('minimum versions are raised to what the states of cipherkeys tell, and never lowered by them', async () => {
  const { store } = stores
  const own = 'with-minimums'
  await insertTenant(store, own)
  const names = ['new', 'higher', 'lower', 'gone']
  const ids = names.map(() => randomUUID())
  const [fresh = '', higher = '', lower = '', gone = ''] = ids
  for (const dataKeyId of ids)
    for (let version = 1; version <= 5; version++) {
      await store.cipherkeys.insertActive(
        newCipherkey({ tenantId: own, dataKeyId, version, keyName: dataKeyId }),
      )
      await store.cipherkeys.endEncryption({ tenantId: own, dataKeyId, version })
    }
  for (const [dataKeyId, minimum] of [
    [higher, 2],
    [lower, 4],
    [gone, 4],
  ] as const)
    await alone(store, own).minimumVersions.set(own, dataKeyId, minimum)
  const macOf = async (dataKeyId: string) =>
    (await stores.query('select mac from keyhold.minimum_versions where data_key_id = $1', [dataKeyId]))[0]
      ?.mac
  const signed = await macOf(lower)
  // As a replica of the version before writes states, or somebody else.
  for (const [dataKeyId, below] of [
    [fresh, 3],
    [higher, 5],
    [lower, 2],
    [gone, 1],
  ] as const)
    await stores.query(
      `update keyhold.cipherkeys set state = case when version < $2 then 'retired' else 'decrypt-only' end
        where data_key_id = $1`,
      [dataKeyId, below],
    )
  await completeRows(store, own)
  const rows = await stores.query('select data_key_id, minimum_version from keyhold.minimum_versions')
  const minimums = new Map(rows.map((row) => [row.data_key_id, row.minimum_version]))
  expect(ids.map((id) => minimums.get(id))).toEqual([3, 5, 4, 4])
  expect(await macOf(lower)).toEqual(signed)
  expect(await macOf(fresh)).toBeNull()
})

slowTest('the cipherkeys of a tenant are read while others have its fence', async () => {
  const { store, otherStore } = stores
  const own = 'with-fence'
  await insertTenant(store, own)
  const dataKeyId = randomUUID()
  for (const version of [1, 2, 3, 4]) {
    await store.cipherkeys.insertActive(
      newCipherkey({ tenantId: own, dataKeyId, version, keyName: dataKeyId }),
    )
    await store.cipherkeys.endEncryption({ tenantId: own, dataKeyId, version })
  }
  await alone(store, own).minimumVersions.set(own, dataKeyId, 3)
  const retire = (below: number) =>
    stores.query(
      `update keyhold.cipherkeys set state = case when version < $1 then 'retired' else 'decrypt-only' end
        where data_key_id = $2`,
      [below, dataKeyId],
    )
  await retire(4)
  const read = Promise.withResolvers<undefined>()
  // It has the fence until the first page is read, and takes back what was read there.
  const held = Promise.withResolvers<undefined>()
  const holding = otherStore.withFence(own, async () => {
    held.resolve(undefined)
    await read.promise
    await retire(2)
  })
  const transaction: typeof store.transaction = async (work) => {
    const result = await store.transaction(work)
    read.resolve(undefined)
    return result
  }
  await held.promise
  await completeRows({ transaction }, own)
  await holding
  const rows = await stores.query(
    'select minimum_version, mac is null as unsigned from keyhold.minimum_versions where data_key_id = $1',
    [dataKeyId],
  )
  expect(rows).toEqual([{ minimum_version: 3, unsigned: false }])
})
