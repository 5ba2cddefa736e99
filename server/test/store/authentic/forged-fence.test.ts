// A fence that Keyhold did not write, or did not write last, moves nobody: neither a reader nor one that takes it.
import { keyArnFingerprint } from '@keyhold/core'
import { observedHealthy } from '../../../src/health/key-state.ts'
import { saveObservation } from '../../../src/health/save-observation.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alone } from '../../../../testkit/src/database/alone.ts'
import { resign } from '../../../../testkit/src/database/resign.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { insertTenant, newCipherkey, newKeyJob, tenantId, tenantKeyRow } from '../stored-rows.ts'
import { doseOf, slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  await insertTenant(stores.store)
  await insertTenant(stores.store, 'tenant-2')
})

const refused = { code: 'ERR_RECORD_NOT_AUTHENTIC' }

/** Of everybody who reads the fence, of tenant-1 if no other is named. */
async function expectRefused(of = tenantId): Promise<void> {
  const { store } = stores
  const never = () => Promise.reject(new Error('let in'))
  await expect(store.tenants.findFence(of)).rejects.toMatchObject(refused)
  await expect(store.tenants.find(of)).rejects.toMatchObject(refused)
  await expect(store.tenants.findExternalId(of)).rejects.toMatchObject(refused)
  await expect(store.withFence(of, never)).rejects.toMatchObject(refused)
  await expect(store.withFenceShared(of, never)).rejects.toMatchObject(refused)
}

test.each(
  doseOf(
    [
      'fence_epoch = fence_epoch - 1',
      'active_tenant_key_version = 2',
      'active_tenant_key_id = gen_random_uuid()',
      'active_tenant_key_id = null',
      "current_fingerprint = 'f'",
      'live_job_id = gen_random_uuid()',
      'external_id = gen_random_uuid()',
      'incarnation = gen_random_uuid()',
      'generation = generation + 1',
      "name = 'innocent'",
      "created_at = '2020-01-01'",
      'manifest = sha256(manifest)',
      'manifest = null',
      'mac = null',
      'mac = (select mac from keyhold.tenants o where o.id = $$tenant-2$$)',
    ],
    2,
  ),
)('a fence with %s is refused, of that tenant alone', async (change) => {
  await alone(stores.store, tenantId).tenants.moveFence(tenantId, 1)
  await stores.query(`update keyhold.tenants set ${change} where id = '${tenantId}'`)
  await expectRefused()
  expect(await stores.store.withFence('tenant-2', (_, fence) => Promise.resolve(fence?.epoch))).toBe(0)
})

test('a tenant whose deletion has begun does not come back, nor does a living one end', async () => {
  const { store } = stores
  await stores.query(`update keyhold.tenants set ending_at = now() where id = 'tenant-2'`)
  await expect(store.tenants.findFence('tenant-2')).rejects.toMatchObject(refused)
  await expect(store.withFence('tenant-2', () => Promise.resolve())).rejects.toMatchObject(refused)
  await store.withFence(tenantId, (transaction) => {
    transaction.tenants.end(tenantId)
    return Promise.resolve()
  })
  expect(await store.tenants.findFence(tenantId)).toBeUndefined()
  await stores.query(`update keyhold.tenants set ending_at = null where id = '${tenantId}'`)
  await expectRefused()
})

const keep = (as: string) =>
  stores.query(`create table public.${as} as select * from keyhold.tenants where id = '${tenantId}'`)
const putBack = (from: string) =>
  stores.query(`update keyhold.tenants t set fence_epoch = k.fence_epoch, generation = k.generation, mac = k.mac,
    manifest = k.manifest from public.${from} k where t.id = k.id`)

test('a fence that goes back is refused by every replica that has seen the newer one, and by no other', async () => {
  const { store, otherStore } = stores
  await keep('first')
  await alone(store, tenantId).tenants.moveFence(tenantId, 1)
  expect(await otherStore.tenants.findFence(tenantId)).toMatchObject({ epoch: 1 })
  await keep('second')
  await putBack('first')
  await expectRefused()
  await expect(otherStore.tenants.findFence(tenantId)).rejects.toMatchObject(refused)
  // A replica that starts now cannot know: that is what checkpoints outside the database are for.
  const fresh = await postgres.openStore(stores.connection)
  expect(await fresh.tenants.findFence(tenantId)).toMatchObject({ epoch: 0 })
  await putBack('second')
  expect(await store.tenants.findFence(tenantId)).toMatchObject({ epoch: 1 })
})

slowTest('a deleted tenant that is put back whole is refused', async () => {
  const { store } = stores
  await keep('kept')
  await stores.query(
    `create table public.kept_keys as select * from keyhold.tenant_keys where tenant_id = '${tenantId}'`,
  )
  await store.withFence(tenantId, async (transaction) => {
    await transaction.tenantKeys.deleteAll(tenantId)
    await transaction.tenants.delete(tenantId)
  })
  await stores.query(`delete from keyhold.retired_tenant_ids;
    insert into keyhold.tenants select * from public.kept;
    insert into keyhold.tenant_keys select * from public.kept_keys`)
  await expectRefused()
})

slowTest('a transaction that was undone leaves nothing behind that a later one is measured by', async () => {
  const { store, otherStore } = stores
  const undone = store.withFence(tenantId, async (transaction) => {
    await transaction.tenants.moveFence(tenantId, 1)
    throw new Error('undo')
  })
  await expect(undone).rejects.toThrow('undo')
  const creation = store.withFence('tenant-3', async (transaction) => {
    await transaction.tenants.insert({ id: 'tenant-3', name: 'never', activeTenantKeyVersion: 1 })
    expect(await transaction.tenants.find('tenant-3')).toBeUndefined()
    throw new Error('undo')
  })
  await expect(creation).rejects.toThrow()
  await insertTenant(otherStore, 'tenant-3')
  for (const id of [tenantId, 'tenant-3'])
    expect(await store.tenants.findFence(id)).toMatchObject({ epoch: 0 })
})

slowTest('whoever changes a fence that another holds undoes his work', async () => {
  const moving = stores.store.withFence(tenantId, async (transaction) => {
    await transaction.tenants.moveFence(tenantId, 1)
    await stores.query(`update keyhold.tenants set mac = null where id = '${tenantId}'`)
  })
  await expect(moving).rejects.toMatchObject(refused)
})

slowTest('ten movers and ten readers on two replicas never meet an alarm', async () => {
  const { store, otherStore } = stores
  const replicas = [store, otherStore]
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const replica = replicas[index % 2] ?? store
      for (let round = 0; round < 15; round++) {
        if (index < 4) await alone(replica, tenantId).tenants.moveFence(tenantId, 1)
        else if (index < 12) await replica.tenants.findFence(tenantId)
        else await replica.withFenceShared(tenantId, () => Promise.resolve())
      }
    }),
  )
  expect(await store.tenants.findFence(tenantId)).toMatchObject({ epoch: 60 })
})

slowTest('rows that are signed anew, as an operator adopts them, are believed', async () => {
  await stores.query(`update keyhold.tenants set mac = null, manifest = null, active_tenant_key_id = null`)
  await expectRefused()
  await resign(stores.db)
  const { stated } = (await stores.store.tenants.findFence(tenantId)) ?? {}
  const [key] = await stores.query(`select id from keyhold.tenant_keys where tenant_id = '${tenantId}'`)
  expect(stated).toMatchObject({ activeTenantKeyId: key?.id })
  await alone(stores.store, tenantId).tenants.moveFence(tenantId, 1)
})

/**
 * The database answers about one tenant with the rows of another, all of which Keyhold wrote: whoever asks for a 1 in the key
 * gets a 2.
 */
async function showAs(table: string, key: string, shown = 'tenant-2'): Promise<void> {
  await stores.query(`alter table keyhold.${table} rename to ${table}_stored`)
  const columns = (await stores.query(
    `select column_name as name from information_schema.columns where table_name = '${table}_stored' order by ordinal_position`,
  )) as { name: string }[]
  // Asked for tenant-1, it shows tenant-2: a comparison that is always true stands in for its own.
  const list = columns.map(({ name }) =>
    name === key ? `${name}::text collate keyhold.same as ${name}` : name,
  )
  await stores.query(
    `create collation keyhold.same (provider = icu, locale = 'und', deterministic = false, rules = '&1=2')`,
  )
  await stores.query(
    `create view keyhold.${table} as select ${list.join(', ')} from keyhold.${table}_stored where ${key} = '${shown}'`,
  )
}

test('the fence of another tenant, which is authentic, is refused', async () => {
  await showAs('tenants', 'id')
  const never = () => Promise.reject(new Error('let in'))
  // A connection from before has parsed the statement for the table. It is refused once, and closed.
  await expect(stores.store.withFence(tenantId, never)).rejects.toMatchObject({ code: '0A000' })
  await expect(stores.store.withFence(tenantId, never)).rejects.toMatchObject(refused)
  const store = await postgres.openStore(stores.connection)
  await expect(store.tenants.find(tenantId)).rejects.toMatchObject(refused)
  await expect(store.withFence(tenantId, never)).rejects.toMatchObject(refused)
  await expect(store.tenantKeys.list(tenantId)).rejects.toMatchObject(refused)
})

slowTest('rows without their fence are refused: nobody knows whether they are the newest ones', async () => {
  expect(await stores.store.tenantKeys.list(tenantId)).toHaveLength(1)
  await stores.query('alter table keyhold.tenants rename to tenants_stored')
  await stores.query(
    `create view keyhold.tenants as select * from keyhold.tenants_stored where id <> '${tenantId}'`,
  )
  await expect(stores.store.tenantKeys.list(tenantId)).rejects.toMatchObject(refused)
  await expect(stores.store.tenantKeys.list('tenant-2')).resolves.toHaveLength(1)
})

test('a cipherkey that the database shows in the place of another tenant is one of the tenant that was asked for', async () => {
  const { store } = stores
  const cipherkey = newCipherkey({ tenantId: 'tenant-2' })
  await store.cipherkeys.insertActive(cipherkey)
  const { dataKeyId, version } = cipherkey
  await showAs('cipherkeys', 'tenant_id')
  const ofAsked = [expect.objectContaining({ dataKeyId, tenantId })]
  // So its wrap, which is bound to its own tenant, does not open.
  expect(await store.cipherkeys.listFound(tenantId, [{ dataKeyId, version }])).toEqual(ofAsked)
  expect(await store.cipherkeys.listActive(tenantId, [cipherkey.keyName])).toEqual(ofAsked)
})

test('the key job of another tenant, which is authentic, is not taken for the one that was asked for', async () => {
  const { store } = stores
  const [mine, others] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002']
  await alone(store, tenantId).keyJobs.insert(newKeyJob({ id: mine }))
  await alone(store, 'tenant-2').keyJobs.insert(newKeyJob({ id: others, tenantId: 'tenant-2' }))
  expect(await store.keyJobs.find(tenantId, mine)).toMatchObject({ id: mine })
  await showAs('key_jobs', 'id', others)
  await expect(store.transaction(({ keyJobs }) => keyJobs.hold(mine))).rejects.toMatchObject(refused)
  await expect(alone(store, 'tenant-2').keyJobs.end(mine)).rejects.toMatchObject(refused)
})

test('the key jobs of another tenant are none of this one', async () => {
  const { store } = stores
  const { id } = await alone(store, 'tenant-2').keyJobs.insert(newKeyJob({ tenantId: 'tenant-2' }))
  await showAs('key_jobs', 'tenant_id')
  await expect(store.keyJobs.find(tenantId, id)).rejects.toMatchObject(refused)
  await expect(store.keyJobs.findLastEnd(tenantId, 'f')).rejects.toMatchObject(refused)
  expect(await store.keyJobs.list(tenantId, 10)).toMatchObject([{ id, isTampered: true }])
})

slowTest('a key job with times that Keyhold never writes is listed all the same', async () => {
  const { store } = stores
  const { id } = await alone(store, tenantId).keyJobs.insert(newKeyJob())
  await stores.query(`update keyhold.key_jobs set created_at = 'infinity', copy_started_at = '-infinity'`)
  const [listed] = await store.keyJobs.list(tenantId, 10)
  expect(listed).toMatchObject({ id, isTampered: true, createdAt: new Date(0), copyStartedAt: new Date(0) })
})

describe('the health of a key', () => {
  const keyArn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-00000000000000000000000000000001'
  const fingerprint = keyArnFingerprint(keyArn)
  const healthOf = (region: string, state: 'healthy' | 'denied', since: Date, of = tenantId) => ({
    ...{ tenantId: of, fingerprint, region, state, since, checkedAt: since },
    code: state === 'denied' ? 'ERR_KMS_DENIED' : undefined,
    ...{ action: undefined, policy: undefined, candidateState: undefined },
  })
  beforeEach(async () => {
    for (const each of [tenantId, 'tenant-2'])
      await alone(stores.store, each).keyProviders.insert({
        ...{ tenantId: each, fingerprint, kms: 'aws', keyArn, isCurrent: false },
        ...{ name: '', description: '' },
      })
  })

  test('of another tenant is not that of this one', async () => {
    await stores.store.keyHealth.save(healthOf('eu-west-1', 'healthy', new Date(), 'tenant-2'))
    await showAs('key_health', 'tenant_id')
    expect(await stores.store.keyHealth.list(tenantId, fingerprint)).toMatchObject([
      { tenantId, isFaulty: true },
    ])
  })

  test('that somebody has written is not told of as if it had been, when the KMS answers', async () => {
    const { store } = stores
    const key = { tenantId, keyArn }
    await store.keyHealth.save(healthOf('eu-west-1', 'denied', new Date()))
    await stores.query(
      `update keyhold.key_health set state = 'healthy', code = null, since = 'infinity', checked_at = 'infinity'`,
    )
    const transition = await saveObservation(store, key, 'eu-west-1', observedHealthy)
    expect(transition).toMatchObject({ from: undefined, to: 'healthy' })
    const [record] = await store.audits.list(tenantId, { after: 0, limit: 10 })
    expect(record).toMatchObject({
      action: 'keyhealth.change',
      details: { region: 'eu-west-1', to: 'healthy' },
    })
    const [row] = await store.keyHealth.list(tenantId, fingerprint)
    expect(row).toMatchObject({ state: 'healthy', since: expect.any(Date) as Date })
    expect(row).not.toHaveProperty('isFaulty')
  })

  slowTest('is not taken from an older row that only a second answer shows', async () => {
    const { keyHealth } = stores.store
    const [before, after] = [new Date('2026-01-01'), new Date('2026-01-02')]
    for (const region of ['eu-west-1', 'eu-west-3']) await keyHealth.save(healthOf(region, 'healthy', before))
    await stores.query('create table public.older as select * from keyhold.key_health')
    for (const region of ['eu-west-1', 'eu-west-3']) await keyHealth.save(healthOf(region, 'denied', after))
    // The first answer has an older row of one region, so that it is asked once more, and hides the other one until then.
    await stores.query(`alter table keyhold.key_health rename to key_health_stored;
      create sequence public.asked;
      create view keyhold.key_health as
        with turn as materialized (select nextval('public.asked') as number)
        select o.* from public.older o, turn where o.region = case number when 1 then 'eu-west-3' else 'eu-west-1' end
        union all select s.* from keyhold.key_health_stored s, turn where number > 1 and s.region = 'eu-west-3'`)
    expect(await keyHealth.list(tenantId, fingerprint)).toMatchObject([
      { region: 'eu-west-1', isFaulty: true },
      { region: 'eu-west-3', state: 'denied' },
    ])
  })
})

describe('a row that comes back while the fence is held', () => {
  const dataKeyId = '00000000-0000-4000-8000-000000000001'
  const undo = (table: string, set: string) =>
    stores.query(
      `update keyhold.${table} t set ${set}, mac = o.mac from public.older o where t.tenant_id = o.tenant_id`,
    )
  const keepAll = (table: string) =>
    stores.query(`create table public.older as select * from keyhold.${table}`)

  test('as a minimum version is not taken away with what Keyhold wrote last', async () => {
    const { minimumVersions } = alone(stores.store, tenantId)
    await minimumVersions.set(tenantId, dataKeyId, 2)
    await keepAll('minimum_versions')
    await minimumVersions.set(tenantId, dataKeyId, 5)
    const forgetting = stores.store.withFence(tenantId, async (transaction) => {
      await undo('minimum_versions', 'minimum_version = o.minimum_version')
      await transaction.minimumVersions.forget(tenantId, dataKeyId)
    })
    await expect(forgetting).rejects.toMatchObject(refused)
  })

  test('as a version of the tenant key is not made the active one', async () => {
    const { tenantKeys } = alone(stores.store, tenantId)
    await tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
    await keepAll('tenant_keys')
    await tenantKeys.destroyPending(tenantId)
    const moving = stores.store.withFence(tenantId, async (transaction) => {
      await stores.query(`update keyhold.tenant_keys t set state = o.state, wrapped = o.wrapped,
        destroyed_at = o.destroyed_at, mac = o.mac from public.older o where t.version = 2 and o.version = 2`)
      await transaction.tenants.moveFence(tenantId, 2)
    })
    await expect(moving).rejects.toMatchObject(refused)
  })
})
