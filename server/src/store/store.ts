// All queries, made from one handle: the pool, or a transaction. A query cannot slip out of its transaction, since the
// handle is no argument.
import { KeyholdError } from '@keyhold/core'
import { apiKeyUseQueries } from './api-keys/api-key-uses.ts'
import { apiKeyQueries } from './api-keys/api-keys.ts'
import type { RowMacs } from './authentic/row-macs.ts'
import { auditCheckpointQueries } from './audit-trail/audit-checkpoints.ts'
import { recordedFaultQueries } from './audit-trail/recorded-faults.ts'
import { steeringRowQueries } from './authentic/steering-rows.ts'
import { appendAudits, auditQueries, type Actor, type AuditEntry } from './audits.ts'
import { brandQueries } from './console/brand.ts'
import { changeQueries } from './changes/change-queries.ts'
import { cipherkeyChunkQueries } from './cipherkeys/cipherkey-chunks.ts'
import { cipherkeyEndQueries } from './cipherkeys/cipherkey-ends.ts'
import { cipherkeySurveys, type CipherkeySurveys } from './cipherkeys/cipherkey-surveys.ts'
import { cipherkeyQueries } from './cipherkeys/cipherkeys.ts'
import { dataKeyQueries } from './cipherkeys/data-keys.ts'
import { minimumVersionQueries } from './cipherkeys/minimum-versions.ts'
import { slowly, whileHolding } from './connections/connection-user.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { Database } from './database.ts'
import { destructionQueries } from './destructions/destructions.ts'
import { drDrillQueries } from './dr-drills.ts'
import { createFenceQueue } from './fence/fence-queue.ts'
import { takeFence, tryFenceShared } from './fence/fence-queries.ts'
import type { Fence, FenceParts } from './fence/fence-row.ts'
import { holdFence, type HeldFence } from './fence/held-fence.ts'
import { createKnownManifests } from './authentic/known-manifests.ts'
import { noManifest, type Manifest } from './authentic/manifest.ts'
import {
  createGenerations,
  deferGenerations,
  unseenGenerations,
  type Generations,
  type SeenGenerations,
} from './authentic/seen-generations.ts'
import { generationQueries } from './generations/generation-facts.ts'
import { guardQueries } from './guards/guards.ts'
import { installationQueries } from './installation.ts'
import { issuerKeyQueries } from './issuer-keys.ts'
import { keyAccessQueries } from './key-access.ts'
import { keyHealthQueries } from './key-health.ts'
import { keyProbeQueries } from './key-probes.ts'
import { keyJobFailureQueries } from './key-jobs/key-job-failures.ts'
import { keyJobReportQueries } from './key-jobs/key-job-reports.ts'
import { keyJobQueries } from './key-jobs/key-jobs.ts'
import { keyProviderQueries } from './key-providers/key-providers.ts'
import { kmsUsageQueries } from './kms-usage.ts'
import { metricCountQueries } from './metric-counts.ts'
import { replicaQueries } from './replicas.ts'
import { tenantStateQueries } from './console/tenant-states.ts'
import { setupDraftQueries } from './console/setup-drafts.ts'
import { sessionQueries } from './sessions/sessions.ts'
import { setupLinkQueries } from './sessions/setup-links.ts'
import { signingKeyQueries } from './signing-keys.ts'
import { tenantDeletionQueries } from './destructions/tenant-deletions.ts'
import { tenantKeyQueries } from './tenant-keys/tenant-keys.ts'
import { tenantQueries } from './tenants.ts'

export interface StoreOptions {
  /** Signs and verifies the rows that steer. */
  macs: RowMacs
  /** The memory of this replica. Default: nothing at first. */
  generations?: Generations
  /** How long somebody waits for a fence. Default: 5,000. */
  fenceWaitMs?: number
  /** How long after a KEK has wrapped its first tenant key it is probed. Default: 45. */
  firstProbeSeconds?: number
}

const inSnapshot: Memory = {
  guards: unseenGenerations,
  installation: unseenGenerations,
  keyHealth: unseenGenerations,
}
const usual = { fenceWaitMs: 5_000, firstProbeSeconds: 45 }

interface QueryParts {
  clock: DatabaseClock
  firstProbeSeconds: number
  fences: FenceParts
}

/** The memories of rows that wait for no fence. */
interface Memory {
  guards: SeenGenerations
  installation: SeenGenerations
  keyHealth: SeenGenerations
}

/** Whose queries they are: of the pool, of a transaction, of one that holds a fence alone, of a snapshot. */
interface Handle {
  in: 'pool' | 'transaction' | 'snapshot'
  memory: Memory
  held?: HeldFence
}

function queries(
  db: Database,
  { clock, firstProbeSeconds, fences }: QueryParts,
  { in: place, memory, held }: Handle,
) {
  const { macs } = fences
  const cover = { fences, isLatest: place === 'pool', held }
  const guardParts = { macs, seen: memory.guards }
  const guards = guardQueries(db, guardParts)
  const keyHealth = keyHealthQueries(db, { macs, seen: memory.keyHealth })
  const keyJobs = keyJobQueries(db, clock, cover)
  const installation = installationQueries(db, { macs, seen: memory.installation })
  const apiKeys = apiKeyQueries(db, { ...guardParts, guards, clock, seenInstallation: memory.installation })
  return {
    /** The database's time. */
    clock,
    macs,
    steeringRows: steeringRowQueries(db, macs),
    installation,
    signingKeys: signingKeyQueries(db, { macs, seen: memory.installation }),
    issuerKeys: issuerKeyQueries(db, { macs, seen: memory.installation }),
    generations: generationQueries(db, cover, { guards, keyJobs, installation, apiKeys }),
    replicas: replicaQueries(db),
    tenants: tenantQueries(db, cover),
    keyProviders: keyProviderQueries(db, { ...cover, keyHealth }),
    tenantKeys: tenantKeyQueries(db, cover, { clock, firstProbeSeconds, guards, keyJobs }),
    cipherkeys: cipherkeyQueries(db, cover),
    cipherkeyChunks: cipherkeyChunkQueries(db),
    cipherkeyEnds: cipherkeyEndQueries(db),
    dataKeys: dataKeyQueries(db, cover),
    minimumVersions: minimumVersionQueries(db, cover),
    keyJobs,
    keyJobFailures: keyJobFailureQueries(db, { clock, macs }),
    keyJobReports: keyJobReportQueries(db),
    guards,
    keyAccess: keyAccessQueries(db, cover),
    keyHealth,
    keyProbes: keyProbeQueries(db, fences),
    changes: changeQueries(db),
    kmsUsage: kmsUsageQueries(db, clock),
    metricCounts: metricCountQueries(db),
    destructions: destructionQueries(db, { clock, macs, held }),
    tenantDeletions: tenantDeletionQueries(db, { macs, held }),
    drDrills: drDrillQueries(db),
    setupDrafts: setupDraftQueries(db, { macs, clock }),
    brand: brandQueries(db, macs),
    tenantStates: tenantStateQueries(db, macs),
    apiKeys,
    apiKeyUses: apiKeyUseQueries(db),
    sessions: sessionQueries(db, { macs, clock }),
    setupLinks: setupLinkQueries(db, { macs, clock }),
    audits: auditQueries(db, macs),
    auditCheckpoints: auditCheckpointQueries(db),
    recordedFaults: recordedFaultQueries(db),
  }
}

/** Queries that all see the database as it was at one moment. They can only read: PostgreSQL refuses everything else. */
export type SnapshotStore = ReturnType<typeof queries>

/** Queries inside one transaction, and its handle, for the queue of jobs. */
export type TransactionStore = ReturnType<typeof queries> & {
  readonly handle: Database
  /**
   * Hears of the transaction's writes to rows that the tenant's manifest covers. Where it does not hold a fence alone,
   * `set` and `delete` throw.
   */
  readonly manifest: Manifest
  /**
   * Records a change of this transaction: both are committed, or neither is. The API key of its actor is read again before
   * the commit, and without it nothing is committed.
   */
  audit(entry: AuditEntry): void

  /**
   * Reads the actor's API key and session now, and keeps them from being deleted until the transaction ends. By itself that happens last,
   * so that who deletes an API key waits for nobody's work.
   *
   * @throws KeyholdError `ERR_UNAUTHENTICATED` when it is gone
   */
  confirmActor(actor: Actor): Promise<void>
}

/** Work in a transaction that has the fence of a tenant; `fence` is undefined where there is no such tenant. */
export type WorkUnderFence<Result> = (store: TransactionStore, fence: Fence | undefined) => Promise<Result>

/** Queries, each in a transaction of its own. */
export type Store = ReturnType<typeof queries> & {
  readonly surveys: CipherkeySurveys

  /** Commits the work, or nothing if it throws. The level is read committed; rows are locked where it matters. */
  transaction<Result>(work: (store: TransactionStore) => Promise<Result>): Promise<Result>

  /**
   * A transaction that shares the fence of a tenant with others of its kind: for those who write cipherkeys, and whatever
   * else must not be deleted with its tenant meanwhile.
   *
   * @throws KeyholdError `ERR_DATABASE_UNAVAILABLE` when the fence is held alone for five seconds
   */
  withFenceShared<Result>(tenantId: string, work: WorkUnderFence<Result>): Promise<Result>

  /** A transaction that has the fence of a tenant alone: for those who move it, or need that nobody else moves it. */
  withFence<Result>(tenantId: string, work: WorkUnderFence<Result>): Promise<Result>

  /**
   * Answers what several reads make together, all of them as of one moment. An answer that is put together from reads of
   * different moments may say what never was so. It holds one connection until `read` has ended: `read` waits for nothing
   * but its own queries, never for a KMS, a timer or another connection.
   */
  readSnapshot<Result>(read: (store: SnapshotStore) => Promise<Result>): Promise<Result>
}

export function createStore(db: Database, clock: DatabaseClock, options: StoreOptions): Store {
  const queue = createFenceQueue(options.fenceWaitMs ?? usual.fenceWaitMs)
  const { firstProbeSeconds = usual.firstProbeSeconds, macs } = options
  const { fences: seen, ...memory } = options.generations ?? createGenerations()
  const fences = { macs, seen, manifests: createKnownManifests() }
  const queriesOf = (handle: Database, of: Handle) =>
    queries(handle, { clock, firstProbeSeconds, fences }, of)

  // It may wait for a lock.
  async function begin<Result>(work: (handle: Database, of: Handle) => Promise<Result>): Promise<Result> {
    const deferred = {
      guards: deferGenerations(memory.guards),
      installation: deferGenerations(memory.installation),
      keyHealth: deferGenerations(memory.keyHealth),
    }
    const result = await slowly(() =>
      // Named, whatever the database's default is: at a higher level the fence would show the epoch from before the wait.
      db
        .transaction()
        .setIsolationLevel('read committed')
        .execute((handle) => whileHolding(() => work(handle, { in: 'transaction', memory: deferred }))),
    )
    for (const each of Object.values(deferred)) each.commit()
    return result
  }
  const transaction: Store['transaction'] = (work) =>
    begin((handle, of) => run(queriesOf(handle, of), handle, work))

  return {
    ...queriesOf(db, { in: 'pool', memory }),
    surveys: cipherkeySurveys(db, macs),
    transaction,
    withFenceShared: (tenantId, work) =>
      queue.enter(tenantId, (letIn) =>
        transaction(async (store) => {
          const fence = await tryFenceShared(store.handle, fences, tenantId)
          if (fence === 'refused') return undefined
          letIn()
          return { result: await work(store, fence) }
        }),
      ),
    async withFence(tenantId, work) {
      const { result, held } = await begin(async (handle, of) => {
        const fence = holdFence(fences, tenantId, await takeFence(handle, fences, tenantId))
        const store = queriesOf(handle, { ...of, held: fence })
        return { result: await run(store, handle, (each) => work(each, fence.fence), fence), held: fence }
      })
      held.remember()
      return result
    },
    readSnapshot: (read) =>
      slowly(() =>
        db
          .transaction()
          .setIsolationLevel('repeatable read')
          .setAccessMode('read only')
          .execute((snapshot) =>
            whileHolding(() => read(queriesOf(snapshot, { in: 'snapshot', memory: inSnapshot }))),
          ),
      ),
  }
}

async function run<Result>(
  inTransaction: SnapshotStore,
  transaction: Database,
  work: (store: TransactionStore) => Promise<Result>,
  held?: HeldFence,
): Promise<Result> {
  const entries: AuditEntry[] = []
  const confirmed = new Set<string>()
  const confirmActor = async ({ id, role, granted, sessionId }: Actor) => {
    if (sessionId !== undefined && !confirmed.has(sessionId)) {
      if (!(await inTransaction.sessions.hold(sessionId))) throw new KeyholdError('ERR_UNAUTHENTICATED')
      confirmed.add(sessionId)
    }
    // Keyhold itself and commands have no role, and no API key. Those for whom an issuer vouches have no row that could go.
    if (role === undefined || granted !== undefined || confirmed.has(id)) return
    if (!(await inTransaction.apiKeys.hold(id, role))) throw new KeyholdError('ERR_UNAUTHENTICATED')
    confirmed.add(id)
  }
  const result = await work({
    ...inTransaction,
    handle: transaction,
    manifest: held?.manifest ?? noManifest,
    audit: (entry) => {
      entries.push(entry)
    },
    confirmActor,
  })
  await held?.write(transaction)
  for (const { actor } of entries) await confirmActor(actor)
  if (entries.length > 0) await appendAudits(transaction, inTransaction.macs, entries)
  return result
}
