// A row that somebody has tampered with is listed beside the others: nothing of it is shown but its key, and the others are
// shown as they are.
import { keyArnFingerprint } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { findMovedAlias } from '../../src/providers/find-moved-alias.ts'
import type { Store } from '../../src/store/store.ts'
import { insertTenant, newCipherkey, tenantKeyRow } from '../store/stored-rows.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const arnOf = (name: string) => `arn:aws:kms:eu-west-1:222222222222:key/mrk-${name.padStart(32, '0')}`
const [first, second] = [arnOf('1'), arnOf('2')]
const [sound, spoiled] = [keyArnFingerprint(first), keyArnFingerprint(second)]
const refused = { code: 'ERR_RECORD_NOT_AUTHENTIC' }

let postgres: TestPostgres
let database: TestStores
let store: Store
/** Each test has a tenant of its own. */
let tenantId = ''
let tenants = 0
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  ;({ store } = database)
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  tenantId = `tenant_${++tenants}`
  await insertTenant(store, tenantId)
  const { keyProviders, tenantKeys } = alone(store, tenantId)
  for (const keyArn of [first, second]) {
    await keyProviders.insert({
      ...{
        tenantId,
        fingerprint: keyArnFingerprint(keyArn),
        kms: 'aws',
        keyArn,
        isCurrent: keyArn === first,
      },
      ...{ name: 'a key', description: '', roleArn: undefined },
      aliasArn: 'arn:aws:kms:eu-west-1:222222222222:alias/own',
    })
  }
  for (const version of [2, 3])
    await tenantKeys.insert(tenantKeyRow({ tenantId, version, state: 'pending', keyArn: first }))
})

const sql = (statement: string) => database.query(statement)
const fresh = () => postgres.openStore(database.connection)

/** The fingerprints of a list, with what of each is shown. */
async function shownProviders(of: Store): Promise<unknown[]> {
  return (await of.keyProviders.listShown(tenantId)).map((row) =>
    row.isTampered === true ? [row.fingerprint, Object.keys(row).sort()] : [row.fingerprint, row.keyArn],
  )
}
const onlyKey = ['fingerprint', 'isCurrent', 'isTampered', 'tenantId']

describe('a key provider', () => {
  const isSpoiled = () => `tenant_id = '${tenantId}' and fingerprint = '${spoiled}'`

  async function keep(): Promise<string> {
    await sql(`create table public.${tenantId} as select * from keyhold.key_providers where ${isSpoiled()}`)
    return `public.${tenantId}`
  }

  test.each(
    doseOf(
      [
        ["role_arn = 'arn:aws:iam::666666666666:role/evil'"],
        [`key_arn = '${arnOf('e')}'`],
        ["created_at = 'infinity'"],
      ],
      2,
    ),
  )('with %s concerns no other one, on any replica', async (change) => {
    await sql(`update keyhold.key_providers set ${change} where ${isSpoiled()}`)
    for (const replica of [store, await fresh()]) {
      expect(await shownProviders(replica)).toEqual([
        [sound, first],
        [spoiled, onlyKey],
      ])
      expect(await replica.keyProviders.getCurrent(tenantId)).toMatchObject({ keyArn: first })
      expect(await replica.keyProviders.find(tenantId, sound)).toMatchObject({ keyArn: first })
      await expect(replica.keyProviders.find(tenantId, spoiled)).rejects.toMatchObject(refused)
      await expect(replica.keyProviders.list(tenantId)).rejects.toMatchObject(refused)
    }
  })

  test.each(
    doseOf(
      [
        ['mac = null'],
        ['mac = (select mac from keyhold.tenants order by id limit 1)'],
        // Under a root key that nobody has.
        ['mac = set_byte(mac, 1, 255 - get_byte(mac, 1))'],
      ],
      2,
    ),
  )('with %s is told from the others where they were seen before', async (change) => {
    await sql(`update keyhold.key_providers set ${change} where ${isSpoiled()}`)
    expect(await shownProviders(store)).toEqual([
      [sound, first],
      [spoiled, onlyKey],
    ])
    // Whatever is decided by the rows is refused for the tenant.
    await expect(store.keyProviders.getCurrent(tenantId)).rejects.toMatchObject(refused)
    // Who knows only that the rows are not those of the fence shows none of them as if it were.
    expect(await shownProviders(await fresh())).toEqual([
      [sound, onlyKey],
      [spoiled, onlyKey],
    ])
  })

  test('that is deleted stands there as missing', async () => {
    await sql(`delete from keyhold.key_providers where ${isSpoiled()}`)
    expect(await shownProviders(store)).toEqual([
      [sound, first],
      [spoiled, onlyKey],
    ])
  })

  slowTest('that was changed, and is put back as it was, is not shown as it was', async () => {
    const kept = await keep()
    await alone(store, tenantId).keyProviders.saveInspection(tenantId, spoiled, {
      ...{ keyArn: second, multiRegion: false, drCompliant: true, replicaKeys: [] },
      complianceError: { code: '', region: '', message: '' },
    })
    expect(await shownProviders(store)).toEqual([
      [sound, first],
      [spoiled, second],
    ])
    await sql(`update keyhold.key_providers p set replica_regions = k.replica_regions, mac = k.mac
      from ${kept} k where p.tenant_id = k.tenant_id and p.fingerprint = k.fingerprint`)
    expect(await shownProviders(store)).toEqual([
      [sound, first],
      [spoiled, onlyKey],
    ])
  })

  slowTest('that was deleted, and is put back, is not shown as if it were registered', async () => {
    const kept = await keep()
    const row = await store.keyProviders.find(tenantId, spoiled)
    if (row === undefined) throw new Error('it is not there')
    await alone(store, tenantId).keyProviders.delete(row)
    expect(await shownProviders(store)).toEqual([[sound, first]])
    await sql(`insert into keyhold.key_providers select * from ${kept}`)
    expect(await shownProviders(store)).toEqual([
      [sound, first],
      [spoiled, onlyKey],
    ])
  })

  test('that is the current one is told as such by the fence', async () => {
    await sql(`update keyhold.key_providers set role_arn = 'x', is_current = false
      where tenant_id = '${tenantId}' and fingerprint = '${sound}'`)
    const shown = await store.keyProviders.listShown(tenantId)
    expect(shown.map(({ fingerprint, isCurrent }) => [fingerprint, isCurrent])).toEqual([
      [sound, true],
      [spoiled, false],
    ])
    await expect(store.keyProviders.getCurrent(tenantId)).rejects.toMatchObject(refused)
  })

  test('whose fence is faulty is not listed: that concerns the tenant', async () => {
    await sql(`update keyhold.tenants set mac = null where id = '${tenantId}'`)
    await expect(store.keyProviders.listShown(tenantId)).rejects.toMatchObject(refused)
  })

  test('gives no warning of an alias that somebody has put in', async () => {
    const alias = 'arn:aws:kms:eu-west-1:222222222222:alias/evil'
    await sql(`update keyhold.key_providers set alias_arn = '${alias}' where ${isSpoiled()}`)
    const parts = { partition: 'aws', region: 'eu-west-1', account: '222222222222', keyId: undefined }
    const asked = { ...parts, arn: alias } as unknown as Parameters<typeof findMovedAlias>[2]
    expect(await findMovedAlias(store, tenantId, asked, first)).toBeUndefined()
  })
})

describe('a version of the tenant key', () => {
  const isVersion = (version: number) => `tenant_id = '${tenantId}' and version = ${version}`
  const shown = async (of: Store, page: { before?: number; limit: number } = { limit: 10 }) =>
    (await of.tenantKeys.listNewest(tenantId, page)).map((row) =>
      row.isTampered === true ? [row.version, 'tampered', Object.keys(row).length] : [row.version, row.state],
    )

  test('that somebody has changed is listed beside the others', async () => {
    await sql(`update keyhold.tenant_keys set key_arn = '${arnOf('e')}' where ${isVersion(2)}`)
    for (const replica of [store, await fresh()]) {
      expect(await shown(replica)).toEqual([
        [3, 'pending'],
        [2, 'tampered', 2],
        [1, 'active'],
      ])
      await expect(replica.tenantKeys.list(tenantId)).rejects.toMatchObject(refused)
      await expect(replica.tenantKeys.find(tenantId, 2)).rejects.toMatchObject(refused)
    }
  })

  slowTest('that is deleted is listed in its place, on the page where it belongs', async () => {
    await sql(`delete from keyhold.tenant_keys where ${isVersion(2)}`)
    expect(await shown(store, { limit: 1 })).toEqual([[3, 'pending']])
    expect(await shown(store, { limit: 2 })).toEqual([
      [3, 'pending'],
      [2, 'tampered', 2],
    ])
    expect(await shown(store, { before: 3, limit: 1 })).toEqual([[2, 'tampered', 2]])
    expect(await shown(store, { before: 2, limit: 1 })).toEqual([[1, 'active']])
    await sql(`delete from keyhold.tenant_keys where ${isVersion(1)}`)
    expect(await shown(store)).toEqual([
      [3, 'pending'],
      [2, 'tampered', 2],
      [1, 'tampered', 2],
    ])
  })

  slowTest('that somebody has added is listed as what it is', async () => {
    await sql(`insert into keyhold.tenant_keys (tenant_id, version, id, state, key_arn, wrapped, key_check_value, mac)
      select tenant_id, 4, gen_random_uuid(), state, key_arn, wrapped, key_check_value, mac
      from keyhold.tenant_keys where ${isVersion(3)}`)
    expect(await shown(store)).toEqual([
      [4, 'tampered', 2],
      [3, 'pending'],
      [2, 'pending'],
      [1, 'active'],
    ])
  })
})

test('before the adoption nothing is shown as tampered', async () => {
  const before = await postgres.openStoreBeforeAdoption(database.connection)
  for (const table of ['key_providers', 'tenant_keys'])
    await sql(`update keyhold.${table} set mac = null where tenant_id = '${tenantId}'`)
  expect(await shownProviders(before)).toEqual([
    [sound, first],
    [spoiled, second],
  ])
  expect(await before.tenantKeys.listNewest(tenantId, { limit: 1 })).toMatchObject([{ version: 3 }])
})

slowTest(
  'API keys with times that Keyhold never writes are listed once, and keep no other one from being listed',
  async () => {
    const id = (name: string) => `${tenantId}_${name}`
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries())
      await store.transaction(({ apiKeys }) =>
        apiKeys.insert({
          ...{ id: id(name), secretHash: Buffer.alloc(32, index), role: 'service', tenantId, name: '' },
        }),
      )
    for (const [name, at] of [
      ['a', 'infinity'],
      ['b', 'infinity'],
      ['c', '-infinity'],
    ])
      await sql(`update keyhold.api_keys set created_at = '${at}' where id = '${id(name ?? '')}'`)
    const listed: unknown[] = []
    let after: { createdMicros: number; id: string } | undefined
    for (let page = 0; page < 10; page++) {
      const [row] = await store.apiKeys.list({ after, limit: 1 })
      if (row === undefined) break
      if (row.tenantId === tenantId) listed.push([row.id, row.isTampered])
      after = row
    }
    expect(listed).toEqual([
      [id('c'), true],
      [id('d'), false],
      [id('a'), true],
      [id('b'), true],
    ])
  },
)

test('a minimum version concerns its data key alone, which the list shows as tampered', async () => {
  for (const keyName of ['chat', 'pay'])
    await store.transaction(({ cipherkeys }) => cipherkeys.insertActive(newCipherkey({ tenantId, keyName })))
  const page = { after: '', limit: 10 }
  const pay = (await store.dataKeys.list(tenantId, page))[1]
  await alone(store, tenantId).minimumVersions.set(tenantId, pay?.dataKeyId ?? '', 2)
  await sql(`update keyhold.minimum_versions set minimum_version = 3 where tenant_id = '${tenantId}'`)
  const shown = await store.dataKeys.list(tenantId, page)
  expect(shown).toMatchObject([
    { keyName: 'chat', minimumVersion: 1, versions: [{ version: 1 }] },
    { keyName: 'pay', dataKeyId: pay?.dataKeyId, isTampered: true, minimumVersion: 0, versions: [] },
  ])
  expect(shown[0]).not.toHaveProperty('isTampered')
  // Who acts on it is refused.
  await expect(store.dataKeys.find(tenantId, 'pay')).rejects.toMatchObject(refused)
})
