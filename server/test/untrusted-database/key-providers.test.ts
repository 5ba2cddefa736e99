// Attacks on key providers with nothing but SQL: Keyhold goes through no role, into no region and to no key that it did not
// store itself.
import { keyArnFingerprint, type KeyInspection } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { startRotation } from '../../src/migration/start-rotation.ts'
import { findKnownKey } from '../../src/providers/find-known-key.ts'
import { getKeyAccess } from '../../src/providers/get-key-access.ts'
import { systemActor } from '../../src/store/audits.ts'
import { steeringKinds } from '../../src/store/authentic/steering-kinds.ts'
import type { Store } from '../../src/store/store.ts'
import { createCountingKms } from '../keyring/keyring-under-test.ts'
import { insertTenant, tenantId, tenantKeyRow } from '../store/stored-rows.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const arnOf = (name: string) => `arn:aws:kms:eu-west-1:222222222222:key/mrk-${name.padStart(32, '0')}`
const [mine, second, evil] = [arnOf('1'), arnOf('2'), arnOf('e')]
const roleArn = 'arn:aws:iam::222222222222:role/keyhold'
const refused = { code: 'ERR_RECORD_NOT_AUTHENTIC' }

let postgres: TestPostgres
let database: TestStores
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
  ;({ store } = database)
  for (const id of [tenantId, 'other']) {
    await insertTenant(store, id)
    await register(id, mine, true)
  }
  await register(tenantId, second, false)
})

const inspectionOf = (keyArn: string, regions: string[]): KeyInspection => ({
  ...{ keyArn, multiRegion: true, drCompliant: true },
  replicaKeys: regions.map((region) => ({ keyArn: keyArn.replace('eu-west-1', region), region })),
  complianceError: { code: '', region: '', message: '' },
})

const register = (of: string, keyArn: string, isCurrent: boolean) =>
  alone(store, of).keyProviders.insert({
    ...{ tenantId: of, fingerprint: keyArnFingerprint(keyArn), kms: 'aws', keyArn, isCurrent, roleArn },
    ...{ name: 'a key', description: '', inspection: inspectionOf(keyArn, ['eu-west-3']) },
  })

const sql = (statement: string) => database.query(statement)
const isOf = (keyArn: string) => `tenant_id = '${tenantId}' and fingerprint = '${keyArnFingerprint(keyArn)}'`

const kms = createCountingKms()
const parts = () => ({
  ...{ store, kms, failpoint: () => Promise.resolve() },
  enqueue: () => Promise.resolve(),
})

/** Nobody learns of an access, a current provider or a target. */
async function expectRefused(of: Store = store): Promise<void> {
  await expect(getKeyAccess(of, tenantId, second)).rejects.toMatchObject(refused)
  await expect(of.keyProviders.list(tenantId)).rejects.toMatchObject(refused)
  await expect(of.keyProviders.getCurrent(tenantId)).rejects.toMatchObject(refused)
  for (const target of [second, evil])
    await expect(
      startMigration({ ...parts(), store: of }, tenantId, keyArnFingerprint(target), systemActor),
    ).rejects.toMatchObject(refused)
  expect(await sql('select from keyhold.key_jobs')).toEqual([])
  // A neighbour goes on.
  expect(await of.keyProviders.getCurrent('other')).toMatchObject({ keyArn: mine })
}

test('without an attack the key is reached as it was registered', async () => {
  const [row] = await sql(`select external_id from keyhold.tenants where id = '${tenantId}'`)
  expect(await getKeyAccess(store, tenantId, second)).toMatchObject({
    role: { arn: roleArn, externalId: row?.external_id },
    replicaRegions: ['eu-west-3'],
  })
})

const changes: Record<keyof (typeof steeringKinds.keyProvider)['columns'], string> = {
  alias_arn: "'arn:aws:kms:eu-west-1:222222222222:alias/evil'",
  created_at: "'2020-01-01'",
  fingerprint: `'${'0'.repeat(32)}'`,
  key_arn: `'${evil}'`,
  kms: "'internal'",
  replica_regions: "'{eu-west-3,us-east-1}'",
  role_access: "'web-identity'",
  role_arn: "'arn:aws:iam::666666666666:role/evil'",
  tenant_id: "'third'",
}
test.each(doseOf([...Object.entries(changes), ['role_arn', 'null'], ['mac', 'null']], 5))(
  '%s of a key provider is changed to %s: no role, no region, no key comes of it',
  async (column, value) => {
    await insertTenant(store, 'third')
    await sql(`delete from keyhold.key_health; delete from keyhold.key_probes;
      update keyhold.key_providers set ${column} = ${value} where ${isOf(second)}`)
    const access = await getKeyAccess(store, tenantId, second).catch((error: unknown) => error)
    expect([
      expect.objectContaining(refused),
      expect.objectContaining({ code: 'ERR_KEY_ACCESS_UNKNOWN' }),
    ]).toContainEqual(access)
    await expect(store.keyProviders.list(tenantId)).rejects.toMatchObject(refused)
  },
)

test('a planted provider is no target, and is not current, whatever the rows say', async () => {
  await sql(`insert into keyhold.key_providers
    (tenant_id, fingerprint, kms, key_arn, name, is_current, role_arn, replica_regions, mac)
    select tenant_id, '${keyArnFingerprint(evil)}', 'aws', '${evil}', 'evil', false, role_arn, replica_regions, mac
    from keyhold.key_providers where ${isOf(second)}`)
  await expectRefused()
  await sql(`update keyhold.key_providers set is_current = false where tenant_id = '${tenantId}'`)
  await sql(`update keyhold.key_providers set is_current = true where ${isOf(evil)}`)
  await expectRefused()
  const switching = alone(store, tenantId).keyProviders.switchCurrent(tenantId, keyArnFingerprint(evil))
  await expect(switching).rejects.toMatchObject(refused)
})

test('which provider is current is told by the fence: moving the mark between two of them does nothing', async () => {
  await sql(`update keyhold.key_providers set is_current = false where tenant_id = '${tenantId}'`)
  await sql(`update keyhold.key_providers set is_current = true where ${isOf(second)}`)
  expect(await store.keyProviders.getCurrent(tenantId)).toMatchObject({ keyArn: mine })
  expect((await store.keyProviders.list(tenantId)).map(({ isCurrent }) => isCurrent)).toEqual([true, false])
  // The fence cannot be moved along.
  await sql(
    `update keyhold.tenants set current_fingerprint = '${keyArnFingerprint(second)}' where id = '${tenantId}'`,
  )
  await expectRefused()
  await expect(startRotation(parts(), tenantId, systemActor)).rejects.toMatchObject(refused)
})

test('roles of two tenants change places, and so do their external ids', async () => {
  await sql(`update keyhold.key_providers p set role_arn = 'arn:aws:iam::333333333333:role/theirs', mac = o.mac
    from keyhold.key_providers o where p.tenant_id = '${tenantId}' and o.tenant_id = 'other'`)
  await expectRefused()
})

slowTest('the external id of another tenant is not used', async () => {
  await sql(`update keyhold.tenants t set external_id = o.external_id from keyhold.tenants o
    where t.id = '${tenantId}' and o.id = 'other'`)
  await expectRefused()
})

slowTest('a region in which the key is no longer stays away when the older row is put back', async () => {
  await sql('create table public.kept as select * from keyhold.key_providers')
  const { keyProviders } = alone(store, tenantId)
  await keyProviders.saveInspection(tenantId, keyArnFingerprint(second), inspectionOf(second, []))
  expect((await getKeyAccess(store, tenantId, second)).replicaRegions).toEqual([])
  await sql(`update keyhold.key_providers p set replica_regions = k.replica_regions, inspection = k.inspection, mac = k.mac
    from public.kept k where (p.tenant_id, p.fingerprint) = (k.tenant_id, k.fingerprint)`)
  await expectRefused()
  await expectRefused(await postgres.openStore(database.connection))
})

slowTest(
  'no policy is printed from an older state of the tenant that this replica has left behind',
  async () => {
    await sql(`create table public.kept as select * from keyhold.key_providers;
    create table public.fences as select * from keyhold.tenants`)
    const { keyProviders } = alone(store, tenantId)
    await keyProviders.saveInspection(tenantId, keyArnFingerprint(second), inspectionOf(second, []))
    expect((await findKnownKey(store, tenantId, second)).replicaRegions).toEqual([])
    await sql(`update keyhold.key_providers p set replica_regions = k.replica_regions, mac = k.mac
      from public.kept k where (p.tenant_id, p.fingerprint) = (k.tenant_id, k.fingerprint);
    update keyhold.tenants t set generation = f.generation, manifest = f.manifest, mac = f.mac
      from public.fences f where t.id = f.id`)
    await expect(findKnownKey(store, tenantId, second)).rejects.toMatchObject(refused)
  },
)

slowTest('the inspection by itself lets no region stand in', async () => {
  await sql(`update keyhold.key_providers set inspection = replace(inspection::text, 'eu-west-3', 'us-east-1')::jsonb
    where ${isOf(second)}`)
  expect((await getKeyAccess(store, tenantId, second)).replicaRegions).toEqual(['eu-west-3'])
})

test.each(
  doseOf(
    [
      ['the provider is deleted', `delete from keyhold.key_providers where ${isOf(second)}`],
      [
        'the version is said to be reached as Keyhold itself',
        `update keyhold.tenant_keys set reached_as = 'self', role_arn = null, external_id = null where key_arn = '${second}'`,
      ],
      [
        'the version goes through another role',
        `update keyhold.tenant_keys set role_arn = 'arn:aws:iam::666666666666:role/evil' where key_arn = '${second}'`,
      ],
      [
        'the version has another external id',
        `update keyhold.tenant_keys set external_id = gen_random_uuid() where key_arn = '${second}'`,
      ],
      [
        'another region is added to the version',
        `update keyhold.tenant_keys set replica_regions = '{us-east-1}' where key_arn = '${second}'`,
      ],
    ],
    2,
  ),
)('the key of a version is not asked for when %s', async (_, change) => {
  await alone(store, tenantId).tenantKeys.insert(
    tenantKeyRow({ version: 2, state: 'pending', keyArn: second }),
  )
  expect(await getKeyAccess(store, tenantId, second)).toMatchObject({ role: { arn: roleArn } })
  await sql(change)
  await expect(getKeyAccess(store, tenantId, second)).rejects.toMatchObject(refused)
})

test.each(
  doseOf(
    [
      ['', 1],
      [
        `update keyhold.key_providers set role_arn = 'arn:aws:iam::666666666666:role/evil' where ${isOf(second)}`,
        0,
      ],
      [`update keyhold.key_providers set key_arn = '${evil}' where ${isOf(second)}`, 0],
      [`update keyhold.tenants set external_id = gen_random_uuid() where id = '${tenantId}'`, 0],
      [`update keyhold.tenant_keys set wrapped = '\\x00' where key_arn = '${second}'`, 0],
    ],
    2,
  ),
)('a probe goes nowhere else either: %s', async (change, probes) => {
  await alone(store, tenantId).tenantKeys.insert(
    tenantKeyRow({ version: 2, state: 'pending', keyArn: second }),
  )
  await sql(`update keyhold.key_probes set due_at = now() - interval '1 minute'; ${change}`)
  const due = await store.keyProbes.claim(9, { hastened: 9, unhealthy: 9, healthy: 9 }, 30)
  expect(due.filter((each) => each.tenantId === tenantId)).toHaveLength(probes)
})

slowTest(
  'a key provider that was deleted, and is put back with a version under it, is not probed',
  async () => {
    const { keyProviders, tenantKeys } = alone(store, tenantId)
    await tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending', keyArn: second }))
    const probed = async (of: Store = store) => {
      await sql(`update keyhold.key_probes set due_at = now() - interval '1 minute'`)
      const due = await of.keyProbes.claim(9, { hastened: 9, unhealthy: 9, healthy: 9 }, 30)
      return due.filter((each) => each.tenantId === tenantId).map(({ keyArn }) => keyArn)
    }
    expect(await probed()).toEqual([second])
    for (const table of ['key_providers', 'tenant_keys', 'key_probes'])
      await sql(
        `create table public.${table} as select * from keyhold.${table} where tenant_id = '${tenantId}'`,
      )
    await tenantKeys.destroyPending(tenantId)
    const row = await store.keyProviders.find(tenantId, keyArnFingerprint(second))
    if (row === undefined) throw new Error('it is not there')
    await keyProviders.delete(row)
    await sql(`insert into keyhold.key_providers select * from public.key_providers where ${isOf(second)};
    update keyhold.tenant_keys t set state = o.state, wrapped = o.wrapped, destroyed_at = o.destroyed_at, mac = o.mac
      from public.tenant_keys o where (t.tenant_id, t.version) = (o.tenant_id, o.version);
    insert into keyhold.key_probes select * from public.key_probes where ${isOf(second)}`)
    expect(await probed()).toEqual([])
    // Also by a replica that has just started, and with the newer fence gone back for those that have seen it.
    expect(await probed(await postgres.openStore(database.connection))).toEqual([])
  },
)
