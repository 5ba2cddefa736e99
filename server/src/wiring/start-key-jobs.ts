// The key jobs of a replica, wired: what leads them, what paces them, what signs for them, and what begins by itself.
import type { Kms } from '@keyhold/core'
import type { Logger } from 'pino'
import type { Settings } from '../settings/read-settings.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { TenantKeyCache } from '../keyring/tenant-key-cache.ts'
import { destroyDueTenantKeys } from '../migration/destroy-due-tenant-keys.ts'
import type { MigrationParts } from '../migration/engine/migration-parts.ts'
import { createPacer } from '../migration/engine/pacer.ts'
import type { RewrapThreads } from '../migration/engine/rewrap-threads.ts'
import { runMigration } from '../migration/engine/run-migration.ts'
import type { StartMigrationParts } from '../migration/start-migration.ts'
import { rotateDueTenantKeys } from '../migration/start-rotation.ts'
import type { TrafficGauge } from '../migration/engine/traffic-gauge.ts'
import { runDueDestructions } from '../destruction/run-due-destructions.ts'
import type { DestructionRow } from '../store/destructions.ts'
import type { Sign } from './open-signer.ts'
import type { Store } from '../store/store.ts'

type KeyJobSettings = Pick<
  Settings,
  | 'keyJobLeadSeconds'
  | 'migrationThreads'
  | 'migrationRowsPerSecond'
  | 'migrationTimeSharePercent'
  | 'migrationYields'
  | 'backupRetentionDays'
  | 'tenantKeyMaxAgeDays'
>

export interface KeyJobsParts {
  settings: KeyJobSettings
  logger: Logger
  store: Store
  kms: Kms
  tenantKeys: TenantKeyCache
  threads: RewrapThreads
  queue: JobQueue
  sign: Sign
  gauge: TrafficGauge
  startParts: StartMigrationParts
  /** Ends what all replicas hold in memory of what is destroyed. */
  forgetDestroyed: (destruction: DestructionRow) => void
}

const rotationsMs = 60_000
const rotationsAtOnce = 10

/** Starts leading key jobs; what it answers ends that, after the step at hand. */
export async function startKeyJobs({
  settings,
  logger,
  store,
  kms,
  tenantKeys,
  threads,
  queue,
  sign,
  gauge,
  startParts,
  forgetDestroyed,
}: KeyJobsParts): Promise<() => Promise<void>> {
  const stopping = new AbortController()
  const parts: MigrationParts = {
    store,
    kms,
    tenantKeys,
    threads,
    pacer: createPacer({
      maxRowsPerSecond: settings.migrationRowsPerSecond,
      timeSharePercent: settings.migrationTimeSharePercent,
      yields: settings.migrationYields,
      threads: settings.migrationThreads,
      gauge,
      clock: () => performance.now(),
    }),
    signReport: sign,
    leadSeconds: settings.keyJobLeadSeconds,
    backupRetentionDays: settings.backupRetentionDays,
    failpoint: startParts.failpoint,
  }
  let rotatedMs = Number.NEGATIVE_INFINITY

  async function rotate(): Promise<void> {
    const { tenantKeyMaxAgeDays: maxAgeDays } = settings
    if (maxAgeDays === 0 || performance.now() - rotatedMs < rotationsMs) return
    rotatedMs = performance.now()
    await rotateDueTenantKeys(startParts, { maxAgeDays, limit: rotationsAtOnce }, (tenantId, error) => {
      logger.warn({ tenantId, err: error }, 'tenant key not rotated: tried again in a while')
    })
  }

  async function destroyScheduled(): Promise<void> {
    await runDueDestructions({
      store,
      signRecord: sign,
      onDestroyed: (destruction) => {
        const { id, kind, tenantId, dataKeyId, scheduledBy } = destruction
        forgetDestroyed(destruction)
        logger.info({ destructionId: id, kind, tenantId, dataKeyId, scheduledBy }, 'destroyed as scheduled')
      },
      onFailed: (destructionId, error) => {
        logger.error({ destructionId, err: error }, 'not destroyed: tried again in a while')
      },
    })
  }

  await queue.work({
    listUnledKeyJobs: () => store.keyJobs.listUnled(),
    sweep: async () => {
      await destroyDueTenantKeys(store)
      await destroyScheduled()
      await rotate()
    },
    runKeyJob: (keyJobId) =>
      runMigration(parts, keyJobId, {
        signal: stopping.signal,
        onPause: ({ id, tenantId, phase }, error) => {
          logger.warn({ keyJobId: id, tenantId, phase, err: error }, 'migration paused')
        },
      }),
  })
  return async () => {
    stopping.abort()
    await queue.stop()
  }
}
