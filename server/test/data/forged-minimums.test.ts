// A writer of the database changes minimum versions and states of data keys with SQL alone: no leaked version opens or
// encrypts again, and no blind index gets another key.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { rotateDataKey } from '../../src/data/rotate-data-key.ts'
import { createRequestKeys } from '../../src/data/request-keys.ts'
import { setMinimumVersion } from '../../src/data/set-minimum-version.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { DataKey } from '@keyhold/core'
import { resign } from '../../../testkit/src/database/resign.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import {
  createCountingKms,
  createKeyring,
  createTenant,
  ttlMs,
  type CountingKms,
  type Keyring,
} from '../keyring/keyring-under-test.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const [tenantId, other] = ['tenant-1', 'tenant-2']

let postgres: TestPostgres
let stores: TestStores
let kms: CountingKms
let keyring: Keyring
let leaked: DataKey
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  kms = createCountingKms()
  keyring = createKeyring(stores.store, kms)
  for (const id of [tenantId, other]) {
    await createTenant(stores.store, kms, id, kms.arns[0])
    await keyring.dataKeys.getActive(id, 'default')
    await rotate(id)
  }
  leaked = await keyring.dataKeys.getActive(tenantId, 'default')
  await rotate(tenantId)
  await raise(3)
})

const parts = () => ({ store: stores.store, dataKeys: keyring.dataKeys, announce: () => undefined })
const rotate = (of: string) => rotateDataKey(parts(), of, 'default', systemActor)
const raise = (minimumVersion: number) =>
  setMinimumVersion(parts(), tenantId, { keyName: 'default', minimumVersion }, systemActor)

/** Each on a replica that holds nothing, and on one that has held everything for its time. */
async function eachRefused(use: (on: Keyring) => Promise<unknown>): Promise<void> {
  keyring.clock.nowMs += ttlMs
  for (const on of [createKeyring(stores.store, kms), createKeyring(stores.otherStore, kms), keyring]) {
    const outcome = await use(on).then(
      () => 'opened',
      (error: unknown) => (error as { code: unknown }).code,
    )
    expect(outcome).toMatch(/^ERR_(KEY_VERSION_RETIRED|RECORD_NOT_AUTHENTIC|KEY_INTEGRITY)$/)
  }
}

const openLeaked = ({ dataKeys }: Keyring) => dataKeys.get(tenantId, leaked.id, leaked.version)

test.each([
  `update keyhold.cipherkeys set state = 'decrypt-only' where state = 'retired'`,
  `delete from keyhold.minimum_versions`,
  `delete from keyhold.minimum_versions; update keyhold.cipherkeys set state = 'decrypt-only' where state = 'retired'`,
  `update keyhold.minimum_versions set minimum_version = 2`,
  `update keyhold.minimum_versions set minimum_version = 2, mac = null`,
  `update keyhold.minimum_versions set data_key_id = gen_random_uuid()`,
  `update keyhold.minimum_versions set tenant_id = '${other}'`,
  `update keyhold.minimum_versions set tenant_id = '${other}';
   update keyhold.tenants t set manifest = o.manifest from keyhold.tenants o where o.id <> t.id`,
])('a version below the minimum does not open after %s', async (change) => {
  await stores.query(change)
  await eachRefused(openLeaked)
})

slowTest(
  'a faulty minimum concerns its own data key, and no other one that is asked for with it',
  async () => {
    const { id } = await keyring.dataKeys.getActive(tenantId, 'pay')
    await stores.query(`update keyhold.minimum_versions set minimum_version = 2`)
    const refused = { code: 'ERR_RECORD_NOT_AUTHENTIC' }
    for (const { dataKeys } of [createKeyring(stores.store, kms), createKeyring(stores.otherStore, kms)]) {
      const [faulty, sound] = await Promise.allSettled([
        dataKeys.getActive(tenantId, 'default'),
        dataKeys.getActive(tenantId, 'pay'),
      ])
      expect([faulty, sound]).toMatchObject([{ reason: refused }, { status: 'fulfilled', value: { id } }])
      const [old, other] = await Promise.allSettled([
        dataKeys.get(tenantId, leaked.id, 3),
        dataKeys.get(tenantId, id, 1),
      ])
      expect([old, other]).toMatchObject([{ reason: refused }, { status: 'fulfilled', value: { id } }])
    }
    // Items of one request are told apart, too.
    const { dataKeys } = createKeyring(stores.store, kms)
    const keysOf = createRequestKeys({ dataKeys }, tenantId)
    const byName = await keysOf.actives(new Set(['default', 'pay']))
    expect(byName.get('default')).toMatchObject(refused)
    expect(byName.get('pay')).toMatchObject({ id })
    const header = { version: 1, dataKeyId: id }
    const named = await keysOf.named(
      new Map([
        ['a', header],
        ['b', { ...header, dataKeyId: leaked.id, version: 3 }],
      ]),
    )
    expect([named.get('a'), named.get('b')]).toMatchObject([{ id }, refused])
    // A fault of the tenant is no item's error.
    await stores.query(`update keyhold.minimum_versions set mac = null`)
    const { dataKeys: fresh } = createKeyring(stores.store, kms)
    const ofTenant = createRequestKeys({ dataKeys: fresh }, tenantId)
    await expect(ofTenant.actives(new Set(['pay']))).rejects.toMatchObject(refused)
  },
)

test('a lower minimum that is put back does not open it, nor one that was taken away', async () => {
  const keep = (as: string) =>
    stores.query(`create table public.${as} as select * from keyhold.minimum_versions`)
  const putBack = (from: string) =>
    stores.query(`delete from keyhold.minimum_versions;
      insert into keyhold.minimum_versions select * from public.${from}`)
  await raise(2)
  await keep('lower')
  await raise(1)
  await keep('none')
  await raise(3)
  for (const from of ['lower', 'none']) {
    await putBack(from)
    await eachRefused(openLeaked)
  }
})

test('a version below the minimum that is made active encrypts nothing', async () => {
  await stores.query(`update keyhold.cipherkeys set state = 'decrypt-only' where tenant_id = '${tenantId}';
    update keyhold.cipherkeys set state = 'active' where tenant_id = '${tenantId}' and version = ${leaked.version}`)
  await eachRefused(({ dataKeys }) => dataKeys.getActive(tenantId, 'default'))
  await eachRefused(({ dataKeys }) => dataKeys.rotate(tenantId, 'default', systemActor))
  await eachRefused(openLeaked)
})

slowTest('a state does not retire a version that is above the minimum', async () => {
  await raise(1)
  await stores.query(`update keyhold.cipherkeys set state = 'retired' where state = 'decrypt-only'`)
  expect(await openLeaked(keyring)).toBeDefined()
  const [listed] = await stores.store.dataKeys.list(tenantId, { after: '', limit: 1 })
  expect(listed).toMatchObject({ minimumVersion: 1 })
  expect(listed?.versions.map(({ state }) => state)).toEqual(['active', 'decrypt-only', 'decrypt-only'])
})

slowTest('the key of a blind index that is no longer active is not replaced', async () => {
  const { dataKey } = await keyring.leases.leaseBlindIndexKey(tenantId, 'email')
  await stores.query(
    `update keyhold.cipherkeys set state = 'decrypt-only' where key_name = 'blind-index:email'`,
  )
  await eachRefused(({ leases }) => leases.leaseBlindIndexKey(tenantId, 'email'))
  expect((await keyring.leases.leaseBlindIndexKey(tenantId, 'name')).dataKey.id).not.toBe(dataKey.id)
  const ids = await stores.query(`select from keyhold.cipherkeys where key_name = 'blind-index:email'`)
  expect(ids).toHaveLength(1)
})

slowTest(
  'until the rows are adopted the states decide, which replicas of the version before write alone',
  async () => {
    const before = createKeyring(await postgres.openStoreBeforeAdoption(stores.connection), kms)
    const set = (state: string, version: number) =>
      stores.query(
        `update keyhold.cipherkeys set state = '${state}' where tenant_id = '${tenantId}' and version = ${version}`,
      )
    await set('decrypt-only', leaked.version)
    expect(await openLeaked(before)).toBeDefined()
    await set('retired', leaked.version)
    before.clock.nowMs += ttlMs
    await expect(openLeaked(before)).rejects.toMatchObject({ code: 'ERR_KEY_VERSION_RETIRED' })
  },
)

test('what the states told is the minimum from the adoption on, but where a higher one was set', async () => {
  // As a replica of the version before leaves it, or somebody who wants the leaked version back.
  await stores.query(`update keyhold.cipherkeys set state = 'decrypt-only' where tenant_id = '${tenantId}' and version = 2;
    update keyhold.cipherkeys set state = 'retired' where tenant_id = '${other}' and version = 1`)
  await resign(stores.db)
  const minimums = await stores.query(
    'select tenant_id, minimum_version from keyhold.minimum_versions order by tenant_id',
  )
  expect(minimums).toEqual([
    { tenant_id: tenantId, minimum_version: 3 },
    { tenant_id: other, minimum_version: 2 },
  ])
  keyring.clock.nowMs += ttlMs
  await eachRefused(openLeaked)
  const { id } = await keyring.dataKeys.getActive(other, 'default')
  await eachRefused(({ dataKeys }) => dataKeys.get(other, id, 1))
})
