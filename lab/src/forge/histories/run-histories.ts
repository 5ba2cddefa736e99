// Random histories of what callers and Keyhold itself may do to tenants, over two replicas that act at the same time, lose
// transactions and restart: no row that they read may count as faulty. There is no attacker, so each alarm is a false one.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import { createApiKey } from '../../../../server/src/access/create-api-key.ts'
import { deleteApiKey } from '../../../../server/src/access/delete-api-key.ts'
import { cancelDataKeyDestruction } from '../../../../server/src/destruction/cancel-destruction.ts'
import { runDueDestructions } from '../../../../server/src/destruction/run-due-destructions.ts'
import { scheduleDataKeyDestruction } from '../../../../server/src/destruction/schedule-destruction.ts'
import { setMinimumVersion } from '../../../../server/src/data/set-minimum-version.ts'
import { readRootKeyFile } from '../../../../server/src/kms/root-key-file.ts'
import { gatherRecords } from '../../../../server/src/installation/generations/generation-records.ts'
import { createGenerationRounds } from '../../../../server/src/installation/generations/generation-rounds.ts'
import { cancelMigration } from '../../../../server/src/migration/cancel-migration.ts'
import { startMigration } from '../../../../server/src/migration/start-migration.ts'
import { startRotation } from '../../../../server/src/migration/start-rotation.ts'
import { deleteKeyProvider } from '../../../../server/src/providers/delete-key-provider.ts'
import { renameKeyProvider } from '../../../../server/src/providers/rename-key-provider.ts'
import { systemActor } from '../../../../server/src/store/audits.ts'
import { createGenerations } from '../../../../server/src/store/authentic/seen-generations.ts'
import { resignTenant } from '../../../../server/src/store/authentic/resign-tenant.ts'
import { createRowMacs, type FaultyRow } from '../../../../server/src/store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../../../server/src/store/database-clock.ts'
import { createStore, type Store } from '../../../../server/src/store/store.ts'
import type { Replica } from '../../../../server/test/model/replica.ts'
import { runEachNow } from '../../../../server/test/event-loop/run-each-now.ts'
import { fingerprintOf, TenantUnderTest } from '../../../../server/test/model/tenant-under-test.ts'
import { setDue } from '../../../../testkit/src/database/set-due.ts'
import { openTestPostgres } from '../../../../testkit/src/database/test-database.ts'
import { warmRootKey } from '../../../../testkit/src/database/warm-start.ts'
import { createSeededRandom, type SeededRandom } from '../../../../testkit/src/statistics/seeded-random.ts'

export interface HistoriesOptions {
  histories: number
  /** Of each history. */
  steps: number
  seed: number
  say: (line: string) => void
}

export interface HistoriesResult {
  histories: number
  /** Steps, and how many of them ended without an error. */
  steps: number
  done: number
  /** By the code of the refusal. */
  refusals: Record<string, number>
  restarts: number
  /** Generations that were kept outside of the database, and known after restarts. */
  kept: number
  /** False alarms, and errors that nobody may meet. */
  problems: string[]
}

const mostProblems = 20
const keepShare = 0.3

/** The knowledge of a replica, from which its next life begins. */
interface Memory {
  store: Store
  /** Keeps what it has verified so far outside of the database. */
  keep: () => Promise<void>
  reopen: () => Memory
}

export async function runHistories({
  histories,
  steps,
  seed,
  say,
}: HistoriesOptions): Promise<HistoriesResult> {
  const postgres = await openTestPostgres()
  const result: HistoriesResult = {
    ...{ histories: 0, steps: 0, done: 0, refusals: {}, restarts: 0, kept: 0, problems: [] },
  }
  try {
    const connection = await postgres.createStartedDatabase()
    const [first, second] = [postgres.open(connection, 5), postgres.open(connection, 5)]
    const clock = await openDatabaseClock(first)
    const [row] = await postgres.query(connection, 'select id from keyhold.installation')
    const rootKey = await readRootKeyFile(warmRootKey())
    if (rootKey === undefined) throw new Error('there is no root key')
    let place = ''
    const onFault = ({ table, key, fault }: FaultyRow) => {
      result.problems.push(`${place}: a row of ${table} (${key}) is called ${fault}`)
    }
    /** A replica that knows what it has kept of an earlier life. */
    const openMemory = (db: typeof first, kept = gatherRecords()): Memory => {
      const macs = createRowMacs(onFault)
      macs.open({
        ...{ rootKeyId: rootKey.id, rootKey: rootKey.key, installationId: String(row?.id) },
        requiresMacs: true,
      })
      const generations = createGenerations()
      for (const each of kept.fences.values()) generations.fences.prime(each.tenantId, each.generation)
      for (const each of kept.guards.values()) generations.guards.prime(each.tenantId, each.generation)
      if (kept.installation) generations.installation.prime('', kept.installation.generation)
      const store = createStore(db, clock, { macs, generations })
      const rounds = createGenerationRounds({
        ...{ store, generations, tenants: [...kept.fences.keys()] },
        writer: {
          write(records) {
            for (const record of records) kept.add(record)
            result.kept += records.length
          },
          settled: () => Promise.resolve(),
        },
        onOlder: (tenantId) => {
          result.problems.push(`${place}: ${tenantId} is called older`)
        },
        onNewest: () => undefined,
      })
      return { store, keep: () => rounds.round(), reopen: () => openMemory(db, kept) }
    }
    for (let each = 0; each < histories && result.problems.length < mostProblems; each++) {
      const random = createSeededRandom(seed + each)
      place = `history ${each} of seed ${seed}`
      const memories: [Memory, Memory] = [openMemory(first), openMemory(second)]
      const history = await openHistory(first, [memories[0].store, memories[1].store], random)
      for (let step = 0; step < steps; step++) {
        place = `history ${each} of seed ${seed}, step ${step}`
        if (random.next() < 0.08) {
          const at = random.integer(0, 1) as 0 | 1
          memories[at] = memories[at].reopen()
          history.restart(at, memories[at].store)
          result.restarts++
        }
        // Often two at the same time.
        const acts = Array.from({ length: random.integer(1, 2) }, () => history.draw())
        if (random.next() < keepShare)
          acts.push({ name: 'keep generations', run: random.pick(memories).keep })
        const names = acts.map(({ name }) => name).join(' beside ')
        place += `, ${names}`
        for (const outcome of await Promise.allSettled(acts.map(async ({ run }) => run()))) {
          result.steps++
          if (outcome.status === 'fulfilled') result.done++
          else {
            const code = isKeyholdError(outcome.reason) ? outcome.reason.code : 'none'
            result.refusals[code] = (result.refusals[code] ?? 0) + 1
            if (alarms.has(code)) result.problems.push(`${place}: ${String(outcome.reason)}`)
          }
        }
      }
      result.histories++
      if (result.histories % 100 === 0) say(`${result.histories} histories, ${result.steps} steps`)
    }
    return result
  } finally {
    await postgres.stop()
  }
}

// An error without a code is a mistake of Keyhold's or of this experiment.
const alarms = new Set(['ERR_RECORD_NOT_AUTHENTIC', 'ERR_ROOT_KEY_OUTDATED', 'ERR_INTERNAL', 'none'])

interface Act {
  name: string
  run: () => Promise<unknown>
}

interface History {
  draw(): Act
  restart(at: number, store: Store): void
}

const keyNames = ['pay', 'chat']
const abortShare = 0.1

async function openHistory(
  db: ConstructorParameters<typeof TenantUnderTest>[0],
  stores: readonly [Store, Store],
  random: SeededRandom,
): Promise<History> {
  const settings = { ttlMs: 60_000, backupRetentionDays: random.pick([0, 30]) }
  const tenant = await new TenantUnderTest(db, stores[0], settings).create()
  const { tenantId } = tenant
  // As of a tenant from before format 2, which its first key job brings to it.
  if (random.next() < 0.5) {
    await db.transaction().execute(async (transaction) => {
      await sql`update keyhold.tenant_keys set format = null where tenant_id = ${tenantId}`.execute(
        transaction,
      )
      await resignTenant(transaction, stores[0].macs, tenantId)
    })
  }
  /** The next commits of a replica that fail, as the database's failures make them. */
  const failing = [0, 0]
  const createReplica = (at: number, store: Store): Replica =>
    tenant.createReplica(
      {
        observer: (name) => {
          if (name === 'commit' && (failing[at] ?? 0) > 0) {
            failing[at] = 0
            throw new KeyholdError('ERR_DATABASE_UNAVAILABLE')
          }
          return Promise.resolve()
        },
      },
      store,
    )
  let [first, second] = [createReplica(0, stores[0]), createReplica(1, stores[1])]
  const apiKeys: string[] = []
  const tokens: string[] = []
  const destructions: string[] = []
  const anyOf = <Item>(items: readonly Item[]) => (items.length === 0 ? undefined : random.pick(items))

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
    draw() {
      const at = random.integer(0, 1)
      const [name, run] = random.pick(Object.entries(acts(at === 0 ? first : second)))
      failing[at] = random.next() < abortShare ? 1 : 0
      return { name, run }
    },
    restart(at, store) {
      const replica = createReplica(at, store)
      if (at === 0) first = replica
      else second = replica
    },
  }
}
