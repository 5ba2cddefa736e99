// Destructions beside replicas of the version before, which write no MACs and know no manifest: until the rows are adopted, what
// they schedule is done, what they cancel is not, and what they began is ended.
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
import { openDatabaseClock } from '../../src/store/database-clock.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { openTestMacs } from '../../../testkit/src/database/test-macs.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { runEachNow } from '../event-loop/run-each-now.ts'
import { insertTenant, newCipherkey, tenantId } from '../store/stored-rows.ts'

let postgres: TestPostgres
let stores: TestStores
/** Before the adoption. */
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  const macs = await openTestMacs(stores.db, false)
  store = createStore(stores.db, await openDatabaseClock(stores.db), { macs })
  await insertTenant(store)
  await store.cipherkeys.insertActive(newCipherkey({ keyName: 'pay' }))
})

const parts = (on: Store, signed: object[]) => ({
  store: on,
  openTenantKey: () => Promise.resolve(undefined),
  holdSigner: () =>
    Promise.resolve((payload: object) => {
      signed.push(payload)
      return JSON.stringify(payload)
    }),
  ...{ onShredded: vi.fn(), onDestroyed: vi.fn(), signal: new AbortController().signal },
})

async function run(on = store): Promise<object[]> {
  const signed: object[] = []
  await runDueDestructions(parts(on, signed), runEachNow())
  return signed
}

const count = () => store.surveys.count(tenantId)

/** As the version before inserts it: by the database's clock, to the microsecond. */
async function scheduleBefore(kind: 'tenant' | 'data-key'): Promise<string> {
  const id = randomUUID()
  const named =
    kind === 'tenant'
      ? 'null, null'
      : `'pay', (select data_key_id from keyhold.cipherkeys where key_name = 'pay')`
  await stores.query(
    `insert into keyhold.destructions (id, tenant_id, kind, key_name, data_key_id, scheduled_by, due_at)
      values ($1, $2, $3, ${named}, 'ak_1', now())`,
    [id, tenantId, kind],
  )
  return id
}

const makeDue = (id: string) =>
  stores.query('update keyhold.destructions set due_at = now() where id = $1', [id])

test.each(['tenant', 'data-key'] as const)('what they schedule is done: a %s', async (kind) => {
  const id = await scheduleBefore(kind)
  expect(await run()).toMatchObject([{ id, kind, cipherkeys: { count: 1 } }])
  expect(await count()).toBe(0)
})

test('what they cancel is not done, and what they scheduled can be cancelled', async () => {
  const request = { keyName: 'pay', inDays: 7 }
  const { id } = await scheduleDataKeyDestruction(store, tenantId, request, systemActor)
  await makeDue(id)
  await stores.query(`update keyhold.destructions set cancelled_at = now(), cancelled_by = 'ak_1'`)
  const other = await scheduleBefore('data-key')
  expect(await cancelDataKeyDestruction(store, tenantId, other, systemActor)).toMatchObject({
    cancelledBy: systemActor.id,
  })
  expect(await run()).toEqual([])
  expect(await count()).toBe(1)
})

test('a deletion that they began, or went on with, is ended, also after the adoption', async () => {
  await stores.query(
    `insert into keyhold.cipherkeys (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
     select $1, gen_random_uuid(), 1, 'active', 1, '\\x00', sha256(n::text::bytea) from generate_series(1, 2500) n`,
    [tenantId],
  )
  const { id } = await scheduleTenantDestruction(store, tenantId, { inDays: 7 }, systemActor)
  await makeDue(id)
  const due = await store.destructions.find(id)
  if (due === undefined) throw new Error('nothing is scheduled')
  const step = (on: Store) => destroyTenant(parts(on, []), due, 0)
  await step(store)
  // They do not keep the digest, nor the MAC and the manifest.
  await stores.query(`update keyhold.destructions set cipherkeys_digest = null, mac = null;
    update keyhold.tenants set manifest = null, mac = null`)
  await step(store)
  await stores.query(
    `update keyhold.destructions set cipherkeys_digest = sha256('an older one'), mac = sha256(mac)`,
  )
  await resign(stores.db)
  expect(await run(stores.otherStore)).toMatchObject([{ id, cipherkeys: { count: 2501, dataKeys: 2501 } }])
  expect(await count()).toBe(0)
})
