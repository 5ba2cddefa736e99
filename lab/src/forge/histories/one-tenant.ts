// One tenant, and all that callers and Keyhold itself may do to it on two replicas: acts that are drawn, and ends that
// nobody wants: commits that fail, and statements that PostgreSQL refuses to serialize.
import { KeyholdError } from '@keyhold/core'
import pg from 'pg'
import { createApiKey } from '../../../../server/src/access/create-api-key.ts'
import { deleteApiKey } from '../../../../server/src/access/delete-api-key.ts'
import { cancelDataKeyDestruction } from '../../../../server/src/destruction/cancel-destruction.ts'
import { runDueDestructions } from '../../../../server/src/destruction/run-due-destructions.ts'
import { scheduleDataKeyDestruction } from '../../../../server/src/destruction/schedule-destruction.ts'
import { setMinimumVersion } from '../../../../server/src/data/set-minimum-version.ts'
import { cancelMigration } from '../../../../server/src/migration/cancel-migration.ts'
import { startMigration } from '../../../../server/src/migration/start-migration.ts'
import { startRotation } from '../../../../server/src/migration/start-rotation.ts'
import { deleteKeyProvider } from '../../../../server/src/providers/delete-key-provider.ts'
import { renameKeyProvider } from '../../../../server/src/providers/rename-key-provider.ts'
import { systemActor } from '../../../../server/src/store/audits.ts'
import { resignTenant } from '../../../../server/src/store/authentic/resign-tenant.ts'
import { columnsOfKind } from '../../../../server/src/store/authentic/steering-kinds.ts'
import type { Database } from '../../../../server/src/store/database.ts'
import type { Store } from '../../../../server/src/store/store.ts'
import type { Replica } from '../../../../server/test/model/replica.ts'
import { runEachNow } from '../../../../server/test/event-loop/run-each-now.ts'
import { fingerprintOf, TenantUnderTest } from '../../../../server/test/model/tenant-under-test.ts'
import { setDue } from '../../../../testkit/src/database/set-due.ts'
import type { SeededRandom } from '../../../../testkit/src/statistics/seeded-random.ts'

export interface Act {
  name: string
  run: () => Promise<unknown>
}

export interface TenantHistory {
  readonly tenantId: string
  draw(): Act
  restart(at: number, store: Store): void
}

export interface TenantHistoryParts {
  db: Database
  stores: readonly [Store, Store]
  random: SeededRandom
  /** Ends all connections of both replicas, as a failover does. */
  cutConnections: () => void
}

/** How something ends that nobody wants. */
type Failure = 'commit' | 'serialization' | 'failover'

const keyNames = ['pay', 'chat']
const commitShare = 0.07
const serializationShare = 0.04
const failoverShare = 0.012
const mostStatementsBefore = 8
const format1Share = 0.5
const adoptionShare = 0.03

export async function openTenantHistory({
  db,
  stores,
  random,
  cutConnections,
}: TenantHistoryParts): Promise<TenantHistory> {
  const settings = { ttlMs: 60_000, backupRetentionDays: random.pick([0, 30]) }
  const tenant = await new TenantUnderTest(db, stores[0], settings).create()
  const { tenantId } = tenant
  // As of a tenant from before format 2, which its first key job brings to it.
  if (random.next() < format1Share) await takeFormat(stores[0], tenantId)
  if (random.next() < adoptionShare)
    await db.transaction().execute((transaction) => resignTenant(transaction, stores[0].macs, tenantId))
  /** Of each replica, the failure that its next statements meet. */
  const failing: ({ failure: Failure; left: number } | undefined)[] = [undefined, undefined]
  function fail(at: number, name: string): void {
    const next = failing[at]
    if (next === undefined) return
    if (next.failure === 'commit' ? name !== 'commit' : --next.left > 0) return
    failing[at] = undefined
    if (next.failure === 'commit') throw new KeyholdError('ERR_DATABASE_UNAVAILABLE')
    if (next.failure === 'failover') cutConnections()
    else throw notSerializable()
  }
  const createReplica = (at: number, store: Store): Replica =>
    tenant.createReplica(
      {
        // eslint-disable-next-line typescript/require-await
        observer: async (name) => {
          fail(at, name)
        },
      },
      store,
    )
  let [first, second] = [createReplica(0, stores[0]), createReplica(1, stores[1])]
  const apiKeys: string[] = []
  const tokens: string[] = []
  const destructions: string[] = []
  const anyOf = <Item>(items: readonly Item[]) => (items.length === 0 ? undefined : random.pick(items))

  function drawFailure(): (typeof failing)[number] {
    const drawn = random.next()
    const left = random.integer(1, mostStatementsBefore)
    if (drawn < commitShare) return { failure: 'commit', left }
    if (drawn < commitShare + serializationShare) return { failure: 'serialization', left }
    if (drawn < commitShare + serializationShare + failoverShare) return { failure: 'failover', left }
    return undefined
  }

  function acts(replica: Replica): Record<string, () => Promise<unknown>> {
    const { store, dataKeys, start } = replica
    const keyName = random.pick(keyNames)
    const kek = random.pick(['a', 'b'] as const)
    const fingerprint = fingerprintOf(kek, tenantId)
    const [id, apiKey, token] = [anyOf(destructions), anyOf(apiKeys), anyOf(tokens)]
    const minimumVersion = random.integer(1, 3)
    const ttlSeconds = random.integer(0, 1) === 0 ? undefined : random.integer(1, 60)
    const changes = { store, dataKeys, announce: () => undefined }
    return {
      encrypt: async () => tokens.push(await tenant.encrypt(keyName, 'value', replica)),
      decrypt: async () => token && tenant.decrypt(token, replica),
      'expire caches': async () => {
        tenant.expireCaches()
        await Promise.resolve()
      },
      lock: () => store.transaction((transaction) => transaction.guards.lock(tenantId, 'somebody')),
      unlock: () => store.transaction((transaction) => transaction.guards.unlock(tenantId)),
      'change the TTL': () =>
        store.transaction((transaction) => transaction.guards.setKeyCacheTtlSeconds(tenantId, ttlSeconds)),
      'create an API key': async () => {
        const request = { role: 'service', tenantId, name: 'one' } as const
        apiKeys.push((await createApiKey(store, request, systemActor)).row.id)
      },
      'delete an API key': async () =>
        apiKey && deleteApiKey(store, { id: apiKey, mayEndLastOperator: true }, systemActor),
      'find API keys': () => store.apiKeys.findAll(apiKeys),
      register: () => tenant.register(kek),
      rename: () => renameKeyProvider(store, tenantId, { fingerprint, name: 'another' }, systemActor),
      'delete a key': () => deleteKeyProvider(store, tenantId, fingerprint, systemActor),
      'list keys': () => store.keyProviders.list(tenantId),
      migrate: () => startMigration(start, tenantId, fingerprint, systemActor),
      rotate: () => startRotation(start, tenantId, systemActor),
      cancel: async () => {
        const job = await store.keyJobs.findLive(tenantId)
        if (job !== undefined) await cancelMigration(start, tenantId, job.id, systemActor)
      },
      'let jobs run': () => tenant.letJobsRun(replica),
      'rotate a data key': () => dataKeys.rotate(tenantId, keyName, systemActor),
      'set a minimum': () => setMinimumVersion(changes, tenantId, { keyName, minimumVersion }, systemActor),
      'schedule a destruction': async () => {
        const made = await scheduleDataKeyDestruction(store, tenantId, { keyName, inDays: 7 }, systemActor)
        destructions.push(made.id)
      },
      'cancel a destruction': async () => id && cancelDataKeyDestruction(store, tenantId, id, systemActor),
      'destroy what is due': async () => {
        const open = id && (await store.destructions.find(id))
        if (open && open.cancelledAt === undefined && open.destroyedAt === undefined)
          await setDue(stores[0], open.id, -1_000)
        const parts = {
          ...{
            store,
            openTenantKey: async (of: string, version: number) =>
              (await replica.migration.tenantKeys.get(of, version, 1))?.tenantKey,
            holdSigner: () => Promise.resolve(() => 'signed'),
          },
          ...{ onShredded: () => undefined, onDestroyed: () => undefined },
          signal: new AbortController().signal,
        }
        await runDueDestructions(parts, runEachNow())
      },
      'list destructions': () => store.destructions.list(tenantId, 10),
    }
  }

  return {
    tenantId,
    draw() {
      const at = random.integer(0, 1)
      const [name, run] = random.pick(Object.entries(acts(at === 0 ? first : second)))
      failing[at] = drawFailure()
      return { name, run }
    },
    restart(at, store) {
      const replica = createReplica(at, store)
      if (at === 0) first = replica
      else second = replica
    },
  }
}

/** As PostgreSQL says it, and the transaction is over. */
function notSerializable(): Error {
  const error = new pg.DatabaseError('could not serialize access due to concurrent update', 0, 'error')
  error.code = '40001'
  return error
}

/** Makes the tenant key one from before format 2: the row, its MAC and the manifest agree. */
async function takeFormat(store: Store, tenantId: string): Promise<void> {
  await store.withFence(tenantId, async ({ handle, macs, manifest }) => {
    const row = await handle
      .selectFrom('tenant_keys')
      .select(columnsOfKind('tenantKey'))
      .where('tenant_id', '=', tenantId)
      .executeTakeFirstOrThrow()
    const mac = macs.sign('tenantKey', { ...row, format: null })
    await handle
      .updateTable('tenant_keys')
      .set({ format: null, mac })
      .where('tenant_id', '=', tenantId)
      .execute()
    manifest.set('tenantKey', row.version, mac)
  })
}
