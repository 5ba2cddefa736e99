// All rows of a manifest are read with it, so that a tenant has so many of those sorts that would grow with its data keys.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { alone } from '../../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { insertTenant, newCipherkey, tenantId } from '../stored-rows.ts'

const most = 1_000
let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  await insertTenant(stores.store)
  await insertTenant(stores.store, 'other')
})
afterAll(() => postgres.stop())

test('a tenant has so many data keys with a minimum version', async () => {
  const ids = Array.from({ length: most }, () => randomUUID())
  await stores.store.withFence(tenantId, async ({ handle, macs, manifest }) => {
    const rows = ids.map((id) => {
      const mac = macs.sign('minimumVersion', { tenant_id: tenantId, data_key_id: id, minimum_version: 2 })
      manifest.set('minimumVersion', id, mac)
      return { id, mac: mac.toString('hex') }
    })
    await sql`insert into keyhold.minimum_versions (tenant_id, data_key_id, minimum_version, mac)
      select ${tenantId}, id, 2, decode(mac, 'hex')
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) r(id uuid, mac text)`.execute(handle)
  })
  const { minimumVersions } = alone(stores.store, tenantId)
  const quota = { code: 'ERR_MINIMUM_VERSION_QUOTA' }
  const [first = ''] = ids
  const another = randomUUID()
  await expect(minimumVersions.set(tenantId, another, 2)).rejects.toMatchObject(quota)
  // Those that it has can be changed, and one that ends makes room.
  await minimumVersions.set(tenantId, first, 3)
  await minimumVersions.set(tenantId, another, 1)
  await minimumVersions.set(tenantId, first, 1)
  await minimumVersions.set(tenantId, another, 2)
  await expect(minimumVersions.set(tenantId, first, 2)).rejects.toMatchObject(quota)
  await alone(stores.store, 'other').minimumVersions.set('other', first, 2)
})

test('a tenant has so many destructions that are scheduled, and can be deleted all the same', async () => {
  const { store } = stores
  const scheduled = { tenantId, scheduledBy: 'ak_1', inDays: 7 }
  const { destructions } = alone(store, tenantId)
  const last = await destructions.insert({
    ...{ ...scheduled, id: randomUUID(), kind: 'data-key', keyName: 'last', dataKeyId: randomUUID() },
  })
  await store.withFence(tenantId, async ({ handle, macs, manifest }) => {
    const rows = Array.from({ length: most - 1 }, (_, index) => {
      const row = {
        ...{ id: randomUUID(), tenant_id: tenantId, kind: 'data-key' as const, key_name: `n${index}` },
        ...{ data_key_id: randomUUID(), scheduled_by: 'ak_1', scheduled_at: last.scheduledAt },
        ...{ due_at: last.dueAt, begun_at: null, cancelled_at: null, cancelled_by: null },
        ...{ destroyed_at: null, cipherkeys_digest: null },
      }
      const mac = macs.sign('destruction', row)
      manifest.set('destruction', row.id, mac)
      return { ...row, mac: mac.toString('hex') }
    })
    await sql`insert into keyhold.destructions
        (id, tenant_id, kind, key_name, data_key_id, scheduled_by, scheduled_at, due_at, mac)
      select id, ${tenantId}, kind, key_name, data_key_id, scheduled_by, scheduled_at, due_at, decode(mac, 'hex')
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) r(id uuid, kind text, key_name text, data_key_id uuid,
        scheduled_by text, scheduled_at timestamptz, due_at timestamptz, mac text)`.execute(handle)
  })
  const more = { ...scheduled, kind: 'data-key' as const, keyName: 'more', dataKeyId: randomUUID() }
  const quota = { code: 'ERR_DESTRUCTION_QUOTA' }
  await expect(destructions.insert({ ...more, id: randomUUID() })).rejects.toMatchObject(quota)
  // Each is found among all of them.
  const cipherkey = newCipherkey({ keyName: 'last' })
  await store.cipherkeys.insertActive({ ...cipherkey, dataKeyId: last.dataKeyId ?? '' })
  await store.cipherkeys.insertActive(newCipherkey({ keyName: 'free' }))
  expect((await store.dataKeys.list(tenantId, { after: '', limit: 10 })).map((row) => row.destroyAt)).toEqual(
    [undefined, last.dueAt],
  )
  await destructions.insert({ ...scheduled, id: randomUUID(), kind: 'tenant' })
  await destructions.cancel(tenantId, last.id, 'ak_1')
  await expect(destructions.insert({ ...more, id: randomUUID() })).rejects.toMatchObject(quota)
  const [free] = await stores.query(
    `select id from keyhold.destructions where cancelled_at is null and kind = 'data-key' limit 1`,
  )
  await destructions.cancel(tenantId, String(free?.id), 'ak_1')
  await destructions.insert({ ...more, id: randomUUID() })
})
