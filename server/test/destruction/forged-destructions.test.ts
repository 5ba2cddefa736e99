// A writer of the database changes destructions with SQL alone: no cipherkey is deleted early, no other one than was
// meant, and nothing is signed that Keyhold did not do.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { cancelDataKeyDestruction } from '../../src/destruction/cancel-destruction.ts'
import { destroyTenant } from '../../src/destruction/destroy-tenant.ts'
import { runDueDestructions } from '../../src/destruction/run-due-destructions.ts'
import {
  scheduleDataKeyDestruction,
  scheduleTenantDestruction,
} from '../../src/destruction/schedule-destruction.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { setDue } from '../../../testkit/src/database/set-due.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { runEachNow } from '../event-loop/run-each-now.ts'
import { insertTenant, newCipherkey, tenantId } from '../store/stored-rows.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const other = 'tenant-2'
const inDays = 7

let postgres: TestPostgres
let stores: TestStores
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  ;({ store } = stores)
  for (const id of [tenantId, other]) {
    await insertTenant(store, id)
    for (const keyName of ['pay', 'chat'])
      await store.cipherkeys.insertActive(newCipherkey({ tenantId: id, keyName }))
  }
})

const scheduled = async (keyName: string, of = tenantId) =>
  (await scheduleDataKeyDestruction(store, of, { keyName, inDays }, systemActor)).id
const scheduledTenant = async (of = tenantId) =>
  (await scheduleTenantDestruction(store, of, { inDays }, systemActor)).id

/** The names of the data keys that are there. */
async function names(of = tenantId): Promise<unknown[]> {
  const rows = await stores.query(
    'select key_name from keyhold.cipherkeys where tenant_id = $1 order by key_name',
    [of],
  )
  return rows.map((row) => row.key_name)
}

const both = ['chat', 'pay']

/** Has two replicas run what is due; answers the payloads that were signed. */
async function run(): Promise<object[]> {
  const signed: object[] = []
  for (const on of [store, stores.otherStore]) {
    const parts = {
      store: on,
      openTenantKey: () => Promise.resolve(undefined),
      holdSigner: () =>
        Promise.resolve((payload: object) => {
          signed.push(payload)
          return JSON.stringify(payload)
        }),
      ...{ onShredded: vi.fn(), onDestroyed: vi.fn(), signal: new AbortController().signal },
    }
    await runDueDestructions(parts, runEachNow([]))
  }
  return signed
}

async function expectNothingDone(): Promise<void> {
  expect(await run()).toEqual([])
  for (const id of [tenantId, other]) {
    expect(await names(id)).toEqual(both)
    const keys = await stores.query('select state from keyhold.tenant_keys where tenant_id = $1', [id])
    expect(keys).toEqual([{ state: 'active' }])
  }
}

/** Begins the deletion of a tenant: its keys are emptied, and its first cipherkeys are deleted. */
async function begin(id: string): Promise<void> {
  const due = await store.destructions.find(id)
  if (due === undefined) throw new Error('nothing is scheduled')
  const parts = {
    ...{
      store,
      openTenantKey: () => Promise.resolve(undefined),
      holdSigner: () => Promise.resolve(() => ''),
    },
    ...{ onShredded: vi.fn(), onDestroyed: vi.fn(), signal: new AbortController().signal },
  }
  expect(await destroyTenant(parts, due, 0)).toBeUndefined()
}

const past = `now() - interval '1 hour'`

/** A destruction that was never asked for, due for an hour. */
async function plant(kind: 'tenant' | 'data-key', changes: Record<string, string> = {}): Promise<string> {
  const id = randomUUID()
  const ofKey =
    kind === 'data-key'
      ? {
          key_name: `'pay'`,
          data_key_id: `(select data_key_id from keyhold.cipherkeys where tenant_id = '${tenantId}' and key_name = 'pay')`,
        }
      : {}
  const values = {
    ...{ id: `'${id}'`, tenant_id: `'${tenantId}'`, kind: `'${kind}'`, scheduled_by: `'ak_innocent'` },
    ...{ scheduled_at: `now() - interval '8 days'`, due_at: past },
    ...ofKey,
    ...changes,
  }
  await stores.query(
    `insert into keyhold.destructions (${Object.keys(values).join()}) values (${Object.values(values).join()})`,
  )
  return id
}

test.each<['tenant' | 'data-key', Record<string, string>]>(
  doseOf(
    [
      ['data-key', {}],
      ['tenant', {}],
      ['tenant', { begun_at: past, progress: `'{"count":0,"dataKeys":0,"keyNames":0,"digestState":""}'` }],
      ['data-key', { mac: `'\\x01'` }],
      ['tenant', { mac: `(select mac from keyhold.tenants where id = '${tenantId}')` }],
    ],
    2,
  ),
)('a planted one of a %s with %o does nothing', async (kind, changes) => {
  await plant(kind, changes)
  await expectNothingDone()
})

test('one that is planted beside one that was asked for does not run in its place, and holds back no other tenant', async () => {
  const id = await scheduled('pay', other)
  await setDue(store, id)
  await plant('data-key')
  expect(await run()).toMatchObject([{ id, tenantId: other, keyName: 'pay' }])
  expect(await names()).toEqual(both)
  expect(await names(other)).toEqual(['chat'])
})

test.each(
  doseOf(
    [
      `due_at = ${past}`,
      `due_at = ${past}, scheduled_at = now() - interval '8 days'`,
      `due_at = ${past}, mac = null`,
      `due_at = ${past}, mac = sha256(mac)`,
    ],
    2,
  ),
)('one whose day is moved (%s) does not run', async (change) => {
  const id = await scheduled('pay')
  await stores.query(`update keyhold.destructions set ${change} where id = '${id}'`)
  await expectNothingDone()
})

test.each(
  doseOf(
    [
      `key_name = 'chat'`,
      `data_key_id = (select data_key_id from keyhold.cipherkeys where tenant_id = '${tenantId}' and key_name = 'chat')`,
      `kind = 'tenant', key_name = null, data_key_id = null`,
      `tenant_id = '${other}'`,
      `scheduled_by = 'ak_innocent'`,
      `scheduled_at = now() - interval '30 days'`,
      `id = gen_random_uuid()`,
    ],
    2,
  ),
)('one that is due, with %s, does not run', async (change) => {
  const id = await scheduled('pay')
  await setDue(store, id)
  await stores.query(`update keyhold.destructions set ${change} where id = '${id}'`)
  await expectNothingDone()
})

const keep = (id: string) =>
  stores.query(`create table if not exists public.kept as select * from keyhold.destructions where false;
    insert into public.kept select * from keyhold.destructions where id = '${id}'`)
const putBack = () =>
  stores.query(`delete from keyhold.destructions d using public.kept k where d.id = k.id;
    insert into keyhold.destructions select * from public.kept`)

test('a cancelled one that is put back does not run, nor can it be cancelled once more', async () => {
  const id = await scheduled('pay')
  await setDue(store, id)
  await keep(id)
  await cancelDataKeyDestruction(store, tenantId, id, systemActor)
  await putBack()
  await expectNothingDone()
  const refused = { code: 'ERR_RECORD_NOT_AUTHENTIC' }
  await expect(cancelDataKeyDestruction(store, tenantId, id, systemActor)).rejects.toMatchObject(refused)
})

slowTest('a cancelled one that is opened by its columns does not run', async () => {
  const id = await scheduled('pay')
  await setDue(store, id)
  await cancelDataKeyDestruction(store, tenantId, id, systemActor)
  await stores.query(`update keyhold.destructions set cancelled_at = null, cancelled_by = null`)
  await expectNothingDone()
})

test('one that was done runs once: put back, it destroys nothing that was made under its name since', async () => {
  const id = await scheduled('pay')
  await setDue(store, id)
  await keep(id)
  expect(await run()).toHaveLength(1)
  await store.cipherkeys.insertActive(newCipherkey({ keyName: 'pay' }))
  await putBack()
  await expectNothingDone()
})

slowTest('one of a deleted row is not done, and of its tenant nothing else is', async () => {
  const [pay, chat] = [await scheduled('pay'), await scheduled('chat')]
  for (const id of [pay, chat]) await setDue(store, id)
  await stores.query(`delete from keyhold.destructions where id = '${pay}'`)
  await expectNothingDone()
})

test('lists show what Keyhold did not write beside the rest, and believe none of it', async () => {
  const id = await scheduledTenant(other)
  const planted = [await plant('data-key'), await plant('tenant')]
  const rows = await store.destructions.list(undefined, 10)
  const shown = new Map(rows.map((row) => [row.id, row.isTampered]))
  expect(shown).toEqual(new Map([[id, false], ...planted.map((each): [string, boolean] => [each, true])]))
  expect([...(await store.destructions.listTenantsDueAt([tenantId, other])).keys()]).toEqual([other])
  const refused = { code: 'ERR_RECORD_NOT_AUTHENTIC' }
  await expect(store.destructions.findLastOfTenant(tenantId)).rejects.toMatchObject(refused)
})

slowTest('times that Keyhold never writes keep no list from being shown', async () => {
  const id = await scheduled('pay')
  await stores.query(
    `update keyhold.destructions set due_at = 'infinity', scheduled_at = '-infinity' where id = $1`,
    [id],
  )
  const [row] = await store.destructions.list(tenantId, 10)
  expect(row).toMatchObject({ id, isTampered: true, dueAt: new Date(0), scheduledAt: new Date(0) })
})

slowTest('however many are planted before those that were asked for, these run, and are found', async () => {
  const id = await scheduled('pay', other)
  await setDue(store, id)
  const ofTenant = await scheduledTenant()
  await stores.query(
    `insert into keyhold.destructions (id, tenant_id, kind, key_name, data_key_id, scheduled_by, scheduled_at, due_at)
     select gen_random_uuid(), $1, 'data-key', 'n' || n, gen_random_uuid(), 'ak_innocent', now(), ${past}
     from generate_series(1, 150) n`,
    [tenantId],
  )
  expect(await run()).toMatchObject([{ id, keyName: 'pay' }])
  await stores.query(
    `insert into keyhold.destructions (id, tenant_id, kind, scheduled_by, scheduled_at, due_at, cancelled_at, cancelled_by)
     select gen_random_uuid(), $1, 'tenant', 'ak_innocent', now() + interval '1 day', ${past}, now(), 'x'
     from generate_series(1, 150)`,
    [tenantId],
  )
  expect(await store.destructions.findLastOfTenant(tenantId)).toMatchObject({ id: ofTenant })
})

slowTest('a database whose clock is behind brings no day nearer', async () => {
  const ahead = await postgres.openStore(stores.connection, { wall: () => Date.now() + 3 * 86_400_000 })
  const request = { keyName: 'pay', inDays }
  const { dueAt } = await scheduleDataKeyDestruction(ahead, tenantId, request, systemActor)
  expect(dueAt.getTime()).toBeGreaterThan(Date.now() + 9.9 * 86_400_000)
})

test('names that are exchanged after it was scheduled: neither key is destroyed', async () => {
  const id = await scheduled('pay')
  await setDue(store, id)
  await stores.query(`update keyhold.cipherkeys set key_name = case key_name when 'pay' then 'chat' else 'pay' end,
    state = 'decrypt-only' where tenant_id = '${tenantId}'`)
  await stores.query(`update keyhold.cipherkeys set state = 'active' where tenant_id = '${tenantId}'`)
  await expectNothingDone()
})

slowTest('the cipherkeys that it names are those that were named', async () => {
  const rows = [newCipherkey({ keyName: 'x' }), newCipherkey({ keyName: 'y' })]
  for (const row of rows) {
    await store.cipherkeys.insertActive(row)
    await store.cipherkeys.endEncryption(row)
  }
  const position = (row: (typeof rows)[number] | undefined) => ({
    ...{ dataKeyId: row?.dataKeyId ?? '', version: 1, tenantKeyVersion: 1 },
  })
  const { id } = await alone(store, tenantId).destructions.insert({
    ...{ id: randomUUID(), tenantId, kind: 'cipherkeys', scheduledBy: 'ak_1', inDays },
    cipherkeys: [position(rows[0])],
  })
  const found = await store.cipherkeys.listFound(tenantId, rows)
  const ends = new Map(found.map((row) => [row.dataKeyId, Number.isFinite(row.destroyInMs)]))
  expect(rows.map(({ dataKeyId }) => ends.get(dataKeyId))).toEqual([true, false])
  await setDue(store, id)
  const named = JSON.stringify([position(rows[1])])
  await stores.query(`update keyhold.destructions set cipherkeys = $1::jsonb`, [named])
  expect(await run()).toEqual([])
  expect(await names()).toEqual(['chat', 'pay', 'x', 'y'])
  // Spaces and the order of members are PostgreSQL's own affair.
  const { dataKeyId } = position(rows[0])
  const same = `[ {"version": 1, "tenantKeyVersion": 1, "dataKeyId": "${dataKeyId}"} ]`
  await stores.query(`update keyhold.destructions set cipherkeys = $1::jsonb`, [same])
  expect(await run()).toMatchObject([{ cipherkeys: { count: 1, listed: [{ dataKeyId }] } }])
})

test('the deletion of a tenant that is put back, or whose beginning is put in, does nothing', async () => {
  const id = await scheduledTenant()
  await setDue(store, id)
  await keep(id)
  await alone(store, tenantId).destructions.cancel(tenantId, id, 'ak_1')
  await putBack()
  await expectNothingDone()
  await stores.query(`update keyhold.destructions set begun_at = now(),
    progress = '{"count":0,"dataKeys":0,"keyNames":0,"digestState":""}', described = '{}'`)
  await expectNothingDone()
})

test.each(
  doseOf(
    [
      `progress = jsonb_set(progress, '{count}', '7')`,
      `described = jsonb_set(described, '{name}', '"innocent"')`,
      `described = jsonb_set(described, '{listed,0,keyName}', '"innocent"')`,
      `begun_at = begun_at - interval '1 day'`,
      `cipherkeys_digest = null`,
      `scheduled_by = 'ak_innocent'`,
    ],
    2,
  ),
)('a deletion of a tenant under way with %s signs nothing', async (change) => {
  const id = await scheduledTenant()
  await setDue(store, id)
  await stores.query(
    `insert into keyhold.cipherkeys (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
     select $1, gen_random_uuid(), 1, 'active', 1, '\\x00', sha256(n::text::bytea) from generate_series(1, 1500) n`,
    [tenantId],
  )
  await begin(id)
  await stores.query(`update keyhold.destructions set ${change} where id = '${id}'`)
  expect(await run()).toEqual([])
})

test('the progress of a deletion that goes back signs nothing', async () => {
  const id = await scheduledTenant()
  await setDue(store, id)
  await stores.query(
    `insert into keyhold.cipherkeys (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
     select $1, gen_random_uuid(), 1, 'active', 1, '\\x00', sha256(n::text::bytea) from generate_series(1, 2500) n`,
    [tenantId],
  )
  await begin(id)
  await keep(id)
  await begin(id)
  await putBack()
  expect(await run()).toEqual([])
})

slowTest(
  'the progress of a deletion that is put back signs nothing, nor does one of a deleted tenant',
  async () => {
    const id = await scheduledTenant()
    await setDue(store, id)
    await begin(id)
    await keep(id)
    expect(await run()).toMatchObject([{ id, kind: 'tenant', cipherkeys: { count: 2 } }])
    await putBack()
    await stores.query('delete from keyhold.retired_tenant_ids')
    expect(await run()).toEqual([])
  },
)
