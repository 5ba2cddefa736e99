// Every writer of a tenant's keys waits while somebody has its fence alone. So the work under the fence is the same
// however many cipherkeys there are: they are looked through before, and the epoch says whether that still holds.
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { decideUnderFence } from '../../src/keyring/decide-under-fence.ts'
import { cancelMigration } from '../../src/migration/cancel-migration.ts'
import { destroyDueTenantKeys } from '../../src/migration/destroy-due-tenant-keys.ts'
import { runMigration } from '../../src/migration/engine/run-migration.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { startRotation } from '../../src/migration/start-rotation.ts'
import { deleteKeyProvider } from '../../src/providers/delete-key-provider.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'
import { runEachNow } from '../event-loop/run-each-now.ts'
import { fingerprintOf, TenantUnderTest } from '../model/tenant-under-test.ts'
import { activate, insertTenant, newCipherkey, tenantId, tenantKeyRow } from '../store/stored-rows.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())
afterEach(() => vi.restoreAllMocks())

/** The work of one transaction between the moment at which it has the fence alone and its commit. */
interface Held {
  statements: number
  /** How many cipherkeys, and cipherkeys set aside, were read, through an index or not. */
  rowsRead: number
}

const countReads = `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::integer as reads
  from pg_stat_xact_user_tables where schemaname = 'keyhold' and relname ~ '^(cipherkeys|key_job_failures)'`

type Query = (this: pg.Client, ...values: unknown[]) => Promise<pg.QueryResult>

/** Watches every connection of this process. */
function watchFence(): Held[] {
  const held: Held[] = []
  const holders = new Map<pg.Client, Held>()
  const clients = pg.Client.prototype as unknown as { query: Query }
  const { query } = clients
  const reads = async (client: pg.Client) =>
    ((await query.call(client, countReads)).rows[0] as { reads: number }).reads
  vi.spyOn(clients, 'query').mockImplementation(async function (this: pg.Client, ...values: unknown[]) {
    const text = String(values[0])
    const holder = holders.get(this)
    if (text.includes('fence_alone')) {
      const result = await query.apply(this, values)
      holders.set(this, { statements: 0, rowsRead: -(await reads(this)) })
      return result
    }
    if (holder !== undefined && /^(commit|rollback)/.test(text)) {
      holders.delete(this)
      holder.rowsRead += await reads(this)
      held.push(holder)
    } else if (holder !== undefined) holder.statements += 1
    return query.apply(this, values)
  })
  return held
}

/** Whatever takes the fence alone, one after the other, for a tenant of so many cipherkeys. */
async function goThroughEverything(cipherkeys: number): Promise<Held[]> {
  const { db, store } = stores
  const tenant = await new TenantUnderTest(db, store, { ttlMs: 60_000, backupRetentionDays: 30 }).create()
  for (const kek of ['a', 'b'] as const) await tenant.register(kek)
  await Promise.all(
    Array.from({ length: cipherkeys }, (_, index) => tenant.encrypt(`name-${index}`, 'value')),
  )
  expect(await store.surveys.count(tenant.tenantId)).toBe(cipherkeys)

  const held = watchFence()
  const { start } = tenant.replica
  const fingerprints = (['a', 'b'] as const).map((kek) => fingerprintOf(kek, tenant.tenantId))
  const [a = '', b = ''] = fingerprints
  await startMigration(start, tenant.tenantId, a, systemActor)
  await tenant.letJobsRun()
  await startRotation(start, tenant.tenantId, systemActor)
  await tenant.letJobsRun()
  // A migration that is cancelled when everything is copied.
  const { id } = await startMigration(start, tenant.tenantId, b, systemActor)
  const signal = AbortSignal.any([])
  const cancelling = tenant.createReplica({
    failpoint: async (name) => {
      if (name === 'migration.cutover.before-lock')
        await cancelMigration(start, tenant.tenantId, id, systemActor)
    },
  })
  await runMigration(cancelling.migration, id, { signal, onPause: () => undefined })
  await tenant.letJobsRun()
  expect((await store.keyJobs.list(tenant.tenantId, 10)).map(({ phase }) => phase)).toEqual([
    'aborted',
    'done',
    'done',
  ])
  await deleteKeyProvider(store, tenant.tenantId, b, systemActor)
  const before = held.length
  await sql`update keyhold.tenant_keys set destroy_after = now() - interval '1 second'
    where tenant_id = ${tenant.tenantId} and version = 1`.execute(db)
  await resign(db)
  held.splice(before)
  expect(await destroyDueTenantKeys(store, runEachNow())).toBe(1)
  vi.restoreAllMocks()
  return held
}

test('under the fence as much is done for sixty cipherkeys as for three, and none is looked at', async () => {
  const few = await goThroughEverything(3)
  const many = await goThroughEverything(60)
  // Three beginnings, three preparations, three times dual, two cutovers, a cancellation and the cutover that it overtakes,
  // an abort, and two deletions.
  expect(few).toHaveLength(16)
  expect(many).toEqual(few)
  expect(few.map(({ rowsRead }) => rowsRead)).toEqual(few.map(() => 0))
})

slowTest(
  'a look counts for its epoch: when that moves before the fence is taken, it is done again',
  async () => {
    const { store } = await storesWithTenant()
    let looks = 0
    const look = async () => {
      looks += 1
      if (looks < 3) await alone(store, tenantId).tenants.moveFence(tenantId, 1)
      return looks
    }
    const decided = await decideUnderFence(store, tenantId, look, (_, seen, { epoch }) =>
      Promise.resolve({ seen, epoch }),
    )
    expect(decided).toEqual({ seen: 3, epoch: 2 })

    const restless = () => alone(store, tenantId).tenants.moveFence(tenantId, 1)
    const decide = vi.fn(() => Promise.resolve())
    await expect(decideUnderFence(store, tenantId, restless, decide)).rejects.toMatchObject({
      code: 'ERR_DATABASE_UNAVAILABLE',
    })
    expect(decide).not.toHaveBeenCalled()
  },
)

test('a version that gets a cipherkey between the look and the fence is not destroyed', async () => {
  const own = await storesWithTenant()
  const { store } = own
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  await activate(store, 2)
  await own.query(
    `update keyhold.tenant_keys set destroy_after = now() - interval '1 second' where version = 1`,
  )
  await resign(own.db)
  let looks = 0
  const overtaken: Store = {
    ...store,
    surveys: {
      ...store.surveys,
      async findNeeded(...asked) {
        const needed = await store.surveys.findNeeded(...asked)
        // As a cancelled migration does it.
        if (++looks === 1) {
          await store.withFence(tenantId, async (transaction) => {
            await activate(transaction, 1)
            await transaction.tenants.moveFence(tenantId, 1)
          })
          await store.cipherkeys.insertActive(newCipherkey())
          await activate(store, 2)
        }
        return needed
      },
    },
  }
  expect(await destroyDueTenantKeys(overtaken, runEachNow())).toBe(0)
  expect(looks).toBe(2)
  expect(await store.tenantKeys.find(tenantId, 1)).toMatchObject({ state: 'decrypt-only' })
})

slowTest('a look sees every cipherkey, however many pages there are', async () => {
  const own = await storesWithTenant()
  const { store } = own
  await own.query(`insert into keyhold.cipherkeys
    (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
    select '${tenantId}', gen_random_uuid(), 1, 'active', 1, '\\x00', sha256('') from generate_series(1, 20000)`)
  const isStale = async () =>
    (await store.surveys.findStale(tenantId, newCipherkey().dataKeyId, 2, 'accepted')).isStale
  expect(await store.surveys.count(tenantId)).toBe(20_000)
  const { dataKeyId } = (await store.cipherkeyChunks.findLast(tenantId)) ?? { dataKeyId: '' }
  await alone(store, tenantId).tenantKeys.insert(tenantKeyRow({ version: 2, state: 'pending' }))
  await activate(store, 2)
  await own.query(`update keyhold.cipherkeys set tenant_key_version = 2 where data_key_id <> '${dataKeyId}'`)
  expect(await store.surveys.findNeeded(tenantId, [1, 2])).toEqual(expect.arrayContaining([1, 2]))
  expect(await isStale()).toBe(true)
  await own.query('update keyhold.cipherkeys set tenant_key_version = 2')
  expect(await store.surveys.findNeeded(tenantId, [1])).toEqual([])
  expect(await isStale()).toBe(false)
  await store.cipherkeys.insertActive(newCipherkey({ tenantKeyVersion: 2 }))
  expect(await store.surveys.count(tenantId)).toBe(20_001)
})

async function storesWithTenant(): Promise<TestStores> {
  const fresh = await postgres.createStores()
  await insertTenant(fresh.store)
  return fresh
}
