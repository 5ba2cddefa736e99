// How the key of a tenant key version is reached: its key provider says so, and where that is gone, the version itself. Where
// neither does, nobody guesses.
import { keyArnFingerprint, type KeyInspection } from '@keyhold/core'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { getKeyAccess } from '../../src/providers/get-key-access.ts'
import { accessOfVersions } from '../../src/store/schema/migrations/0014-to-0025/0025-access-of-versions.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { insertTenant, tenantId, tenantKeyRow } from './stored-rows.ts'
import { openTestMacs } from '../../../testkit/src/database/test-macs.ts'
import { createStore } from '../../src/store/store.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { alone } from '../../../testkit/src/database/alone.ts'

const keyArn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-00000000000000000000000000000001'
const roleArn = 'arn:aws:iam::222222222222:role/keyhold'
const inspection: KeyInspection = {
  ...{ keyArn, multiRegion: true, drCompliant: true },
  replicaKeys: [{ keyArn: keyArn.replace('eu-west-1', 'eu-west-3'), region: 'eu-west-3' }],
  complianceError: { code: '', region: '', message: '' },
}
const unknown = { code: 'ERR_KEY_ACCESS_UNKNOWN' }

let postgres: TestPostgres
let stores: TestStores
let externalId: string
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  await insertTenant(stores.store)
  const [row] = await stores.query('select external_id from keyhold.tenants')
  externalId = String(row?.external_id)
})

const register = (role: string | undefined) =>
  alone(stores.store, tenantId).keyProviders.insert({
    ...{ tenantId, fingerprint: keyArnFingerprint(keyArn), kms: 'aws', keyArn, inspection },
    ...{ name: 'a key', description: '', isCurrent: false, roleArn: role },
  })
const addVersion = () =>
  alone(stores.store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending', keyArn }))
const access = () => getKeyAccess(stores.store, tenantId, keyArn)
const throughRole = () => ({ role: { arn: roleArn, externalId }, replicaRegions: ['eu-west-3'] })
const asItself = { role: undefined, replicaRegions: ['eu-west-3'] }

test.each([
  ['a role', roleArn, throughRole],
  ['Keyhold’s own identity', undefined, () => asItself],
])(
  'after the provider is deleted the version still tells of %s and the regions',
  async (_, role, expected) => {
    const provider = await register(role)
    await addVersion()
    expect(await access()).toMatchObject(expected())
    await alone(stores.store, tenantId).keyProviders.delete(provider)
    expect(await access()).toMatchObject(expected())
  },
)

test('a provider that is deleted while its key is tested waits for that, without a deadlock', async () => {
  const provider = await register(roleArn)
  await addVersion()
  const isWaiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  let deleting: Promise<unknown> = Promise.resolve()
  await stores.store.withFence(tenantId, async (transaction) => {
    await transaction.keyProviders.saveInspection(tenantId, provider.fingerprint, inspection)
    deleting = alone(stores.otherStore, tenantId).keyProviders.delete(provider)
    await expect.poll(async () => (await stores.query(isWaiting)).length, { timeout: 20_000 }).toBe(1)
  })
  await deleting
  expect(await access()).toMatchObject(throughRole())
})

test('also where its row disappears, and never under another identity', async () => {
  await register(roleArn)
  await addVersion()
  await stores.query("delete from keyhold.key_providers where kms = 'aws'")
  await resign(stores.db)
  expect(await access()).toMatchObject(throughRole())
  await stores.query(
    'update keyhold.tenant_keys set reached_as = null, role_arn = null, external_id = null, replica_regions = null',
  )
  await resign(stores.db)
  await expect(access()).rejects.toMatchObject(unknown)
})

test('the regions that a later test has found stay as well', async () => {
  const provider = await register(roleArn)
  await addVersion()
  await alone(stores.store, tenantId).keyProviders.saveInspection(tenantId, provider.fingerprint, {
    ...inspection,
    replicaKeys: [],
  })
  await stores.query("delete from keyhold.key_providers where kms = 'aws'")
  await resign(stores.db)
  expect(await access()).toMatchObject({ ...throughRole(), replicaRegions: [] })
})

test('a key that is not registered, and of which no version tells, is not asked for', async () => {
  await expect(access()).rejects.toMatchObject(unknown)
  await addVersion()
  await expect(access()).rejects.toMatchObject(unknown)
  await register(roleArn)
  expect(await access()).toMatchObject(throughRole())
})

test('a role without its external id cannot be stored', async () => {
  await register(roleArn)
  await addVersion()
  for (const change of ['external_id = null', 'role_arn = null', "reached_as = 'self'", 'reached_as = null'])
    await expect(
      stores.query(`update keyhold.tenant_keys set ${change} where version = 2`),
      change,
    ).rejects.toThrow('tenant_keys_access_whole')
})

test('versions from before the schema migration get what their provider says; others nothing', async () => {
  const provider = await register(roleArn)
  await addVersion()
  await alone(stores.store, tenantId).tenantKeys.insert(
    tenantKeyRow({ version: 3, state: 'decrypt-only', keyArn: `${keyArn}2` }),
  )
  await stores.query(`alter table keyhold.tenant_keys drop column reached_as cascade, drop column role_arn,
    drop column external_id, drop column replica_regions`)
  await accessOfVersions.up(stores.db)
  await resign(stores.db)

  const { rows } = await sql`select version, reached_as, role_arn, replica_regions from keyhold.tenant_keys
    order by version`.execute(stores.db)
  expect(rows).toEqual([
    { version: 1, reached_as: null, role_arn: null, replica_regions: null },
    { version: 2, reached_as: 'role', role_arn: roleArn, replica_regions: ['eu-west-3'] },
    { version: 3, reached_as: null, role_arn: null, replica_regions: null },
  ])
  await alone(stores.store, tenantId).keyProviders.delete(provider)
  expect(await access()).toMatchObject(throughRole())
})

test('until the rows are adopted, the regions are those of the inspection, which older replicas write alone', async () => {
  await register(undefined)
  await stores.query("update keyhold.key_providers set replica_regions = null, mac = null where kms = 'aws'")
  const macs = await openTestMacs(stores.db, false)
  const lenient = createStore(stores.db, stores.store.clock, { macs })
  expect(await getKeyAccess(lenient, tenantId, keyArn)).toMatchObject(asItself)
  await alone(lenient, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending', keyArn }))
  expect(await getKeyAccess(lenient, tenantId, keyArn)).toMatchObject(asItself)
  await stores.query("update keyhold.key_providers set inspection = '7' where kms = 'aws'")
  expect(await getKeyAccess(lenient, tenantId, keyArn)).toMatchObject(asItself)
})

test.each(['tenant_keys', 'key_providers'])(
  'an older row of %s that comes back under the fence is signed no more',
  async (table) => {
    const { fingerprint } = await register(roleArn)
    await addVersion()
    const isOurs = `tenant_id = '${tenantId}' and key_arn = '${keyArn}'`
    await stores.query(`create table public.older as select * from keyhold.${table} where ${isOurs}`)
    const later = { ...inspection, replicaKeys: [] }
    await alone(stores.store, tenantId).keyProviders.saveInspection(tenantId, fingerprint, later)
    const [now] = await stores.query(`select mac from keyhold.${table} where ${isOurs}`)
    await expect(
      stores.store.withFence(tenantId, async (transaction) => {
        await sql`update ${sql.table(`keyhold.${table}`)} set mac = o.mac, replica_regions = o.replica_regions
        from public.older o where ${sql.table(`keyhold.${table}`)}.key_arn = o.key_arn`.execute(
          transaction.handle,
        )
        await transaction.keyAccess.keep(tenantId, keyArn)
      }),
    ).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
    expect(await stores.query(`select mac from keyhold.${table} where ${isOurs}`)).toEqual([now])
  },
)
