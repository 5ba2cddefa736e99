// A replica looks every few seconds for key jobs that nobody leads, and destructions and rotations that are due.
import type { Logger } from 'pino'
import type { EndingKeys } from '../access/ending-keys.ts'
import { forgetDrafts } from '../access/setup-draft.ts'
import { noteUses } from '../access/note-uses.ts'
import { runDueDestructions } from '../destruction/run-due-destructions.ts'
import { createFailurePauses } from '../event-loop/failure-pauses.ts'
import { createRunEach, type RunEach } from '../event-loop/run-each.ts'
import type { Checkpoints } from '../installation/checkpoint-rounds.ts'
import type { GenerationRounds } from '../installation/generations/generation-rounds.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import { startSweeper } from '../jobs/sweeper.ts'
import { destroyDueTenantKeys } from '../migration/destroy-due-tenant-keys.ts'
import { rotateDueTenantKeys } from '../migration/start-rotation.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { HoldSigner } from '../store/authentic/hold-signer.ts'
import type { Timings } from '../timings.ts'
import type { Closers } from './close-all.ts'
import type { Callers } from './open-callers.ts'
import type { Issuer } from './issuer/open-issuer.ts'
import type { PageWatch } from './issuer/watch-pages.ts'
import type { KeyJobTools } from './open-key-jobs.ts'
import type { Keyring } from './open-keyring.ts'

interface SweepNeeds {
  keyring: Keyring
  keyJobs: KeyJobTools
  queue: Pick<JobQueue, 'ensureQueued'>
  holdSigner: HoldSigner
  checkpoints: Pick<Checkpoints, 'round'>
  generations: Pick<GenerationRounds, 'round'> | undefined
  timings: Pick<Timings, 'sweepMs'>
  callers: Pick<Callers, 'takeUses'>
  endingKeys: Pick<EndingKeys, 'look'>
  /** Undefined: this installation is none. */
  issuer: Pick<Issuer, 'keep'> | undefined
  pages: Pick<PageWatch, 'look'> | undefined
}

// A part whose tenants hang, each for as long as a lock may be waited for, leaves the others their time.
const partBudgetMs = 10_000
const pauses = { firstMs: 2_000, maxMs: 60_000 }
const rotationsMs = 60_000
const rotationsAtOnce = 10
const changesMs = 60_000
const draftsMs = 3_600_000
const usesMs = 60_000
const sessionsMs = 60_000
const endingKeysMs = 3_600_000
const issuerKeysMs = 60_000
const pagesMs = 3_600_000
const msOfSecond = 1_000
// A KEK that cannot be used seldom comes back within a minute, and each try costs calls to the KMS.
const rotationPauses = { firstMs: 60_000, maxMs: 3_600_000 }

/**
 * Starts the sweeps. Answers the function that runs one now.
 *
 * @param closers - receives the function that ends them, after the step at hand
 */
export function startSweeps(
  {
    tenantKeyMaxAgeDays: maxAgeDays,
    auditCheckpointSeconds,
    generationsSeconds,
  }: Pick<Settings, 'tenantKeyMaxAgeDays' | 'auditCheckpointSeconds' | 'generationsSeconds'>,
  logger: Logger,
  {
    keyring,
    keyJobs,
    queue,
    holdSigner,
    checkpoints,
    generations,
    timings,
    callers,
    endingKeys,
    issuer,
    pages,
  }: SweepNeeds,
  closers: Closers,
): () => Promise<void> {
  const stopping = new AbortController()
  const { store } = keyJobs.startParts
  const destructionParts = {
    store,
    // A share of 1: what is in memory does not count.
    openTenantKey: async (tenantId, version) =>
      (await keyring.tenantKeys.get(tenantId, version, 1))?.tenantKey,
    holdSigner,
    signal: stopping.signal,
    onShredded: (destruction) => {
      keyring.forgetDestroyed(destruction)
    },
    onDestroyed: ({ id, kind, tenantId, dataKeyId, scheduledBy }) => {
      logger.info({ destructionId: id, kind, tenantId, dataKeyId, scheduledBy }, 'destroyed as scheduled')
    },
  } satisfies Parameters<typeof runDueDestructions>[0]
  const eachOf = (onFailed: (name: string, error: unknown) => void, pausing = pauses): RunEach =>
    createRunEach({
      ...{ pauses: createFailurePauses(pausing), budgetMs: partBudgetMs },
      ...{ signal: stopping.signal, onFailed },
    })
  const eachVersion = eachOf((tenantId, error) => {
    logger.error({ tenantId, err: error }, 'old tenant key version not destroyed: tried again in a while')
  })
  const eachDestruction = eachOf((destructionId, error) => {
    logger.error({ destructionId, err: error }, 'not destroyed: tried again in a while')
  })
  const eachRotation = eachOf((tenantId, error) => {
    logger.warn({ tenantId, err: error }, 'tenant key not rotated: tried again in a while')
  }, rotationPauses)

  const rotations = {
    name: 'rotations',
    everyMs: rotationsMs,
    run: () => rotateDueTenantKeys(keyJobs.startParts, { maxAgeDays, limit: rotationsAtOnce }, eachRotation),
  }
  const sweeper = startSweeper({
    parts: [
      {
        name: 'key jobs',
        run: async () => {
          for (const { id } of await store.keyJobs.listUnled()) await queue.ensureQueued(id)
        },
      },
      { name: 'tenant key versions', run: () => destroyDueTenantKeys(store, eachVersion) },
      { name: 'destructions', run: () => runDueDestructions(destructionParts, eachDestruction) },
      { name: 'changes', everyMs: changesMs, run: () => store.changes.forget() },
      { name: 'drafts of key set-ups', everyMs: draftsMs, run: () => forgetDrafts(store) },
      { name: 'uses of API keys', everyMs: usesMs, run: () => noteUses(store, callers) },
      { name: 'sessions that have ended', everyMs: sessionsMs, run: () => store.sessions.forget() },
      { name: 'setup links that have ended', everyMs: sessionsMs, run: () => store.setupLinks.forget() },
      { name: 'ends of API keys', everyMs: endingKeysMs, run: () => endingKeys.look() },
      ...(maxAgeDays === 0 ? [] : [rotations]),
      ...(issuer === undefined
        ? []
        : [{ name: 'issuer keys', everyMs: issuerKeysMs, run: () => issuer.keep() }]),
      ...(pages === undefined ? [] : [{ name: 'issuer pages', everyMs: pagesMs, run: () => pages.look() }]),
      {
        name: 'audit checkpoints',
        everyMs: auditCheckpointSeconds * msOfSecond,
        run: () => checkpoints.round(),
      },
      {
        name: 'generations',
        everyMs: generationsSeconds * msOfSecond,
        run: () => generations?.round() ?? Promise.resolve(),
      },
    ],
    pauseMs: timings.sweepMs,
    onError: (part, error) => {
      logger.warn({ part, err: error }, 'part of a sweep failed: tried again in a while')
    },
  })
  closers.push(() => {
    stopping.abort()
    return sweeper.stop()
  })
  return () => sweeper.sweep()
}
