// This replica leads key jobs, and starts destructions and rotations when they are due.
import type { Logger } from 'pino'
import { runDueDestructions } from '../destruction/run-due-destructions.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import { destroyDueTenantKeys } from '../migration/destroy-due-tenant-keys.ts'
import type { MigrationParts } from '../migration/engine/migration-parts.ts'
import { createPacer } from '../migration/engine/pacer.ts'
import { runMigration } from '../migration/engine/run-migration.ts'
import { rotateDueTenantKeys } from '../migration/start-rotation.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Closers } from './close-all.ts'
import type { KeyJobTools } from './open-key-jobs.ts'
import type { Keyring } from './open-keyring.ts'
import type { Sign } from './open-signer.ts'

type KeyJobSettings = Pick<
  Settings,
  'keyJobLeadSeconds' | 'migrationYields' | 'backupRetentionDays' | 'tenantKeyMaxAgeDays'
>

interface StartNeeds {
  keyring: Keyring
  keyJobs: KeyJobTools
  queue: JobQueue
  sign: Sign
}

const rotationsMs = 60_000
const rotationsAtOnce = 10

/** @param closers - receives the function that stops leading, after the step at hand */
export async function startKeyJobs(
  settings: KeyJobSettings,
  logger: Logger,
  needs: StartNeeds,
  closers: Closers,
): Promise<void> {
  const { keyJobs, queue } = needs
  const { store } = keyJobs.startParts
  const stopping = new AbortController()
  const parts = enginePartsOf(settings, needs)
  const rotateDue = createRotateDue(settings, logger, keyJobs)
  await queue.work({
    listUnledKeyJobs: () => store.keyJobs.listUnled(),
    sweep: async () => {
      await destroyDueTenantKeys(store)
      await destroyScheduled(logger, needs, stopping.signal)
      await rotateDue()
    },
    runKeyJob: (keyJobId) =>
      runMigration(parts, keyJobId, {
        signal: stopping.signal,
        onPause: ({ id, tenantId, phase }, error) => {
          logger.warn({ keyJobId: id, tenantId, phase, err: error }, 'key job paused')
        },
      }),
  })
  closers.push(async () => {
    stopping.abort()
    await queue.stop()
  })
}

function enginePartsOf(
  { keyJobLeadSeconds, backupRetentionDays, migrationYields }: KeyJobSettings,
  { keyring, keyJobs, sign }: StartNeeds,
): MigrationParts {
  const { startParts, threads, budget, gauge } = keyJobs
  const { store, kms, failpoint } = startParts
  return {
    ...{ store, kms, tenantKeys: keyring.tenantKeys, threads, backupRetentionDays, failpoint },
    pacer: createPacer({ ...budget, yields: migrationYields, gauge, clock: () => performance.now() }),
    signReport: sign,
    leadSeconds: keyJobLeadSeconds,
  }
}

function createRotateDue(
  { tenantKeyMaxAgeDays: maxAgeDays }: KeyJobSettings,
  logger: Logger,
  { startParts }: KeyJobTools,
): () => Promise<void> {
  let rotatedMs = Number.NEGATIVE_INFINITY
  return async () => {
    if (maxAgeDays === 0 || performance.now() - rotatedMs < rotationsMs) return
    rotatedMs = performance.now()
    await rotateDueTenantKeys(startParts, { maxAgeDays, limit: rotationsAtOnce }, (tenantId, error) => {
      logger.warn({ tenantId, err: error }, 'tenant key not rotated: tried again in a while')
    })
  }
}

async function destroyScheduled(
  logger: Logger,
  { keyring, keyJobs, sign }: StartNeeds,
  signal: AbortSignal,
): Promise<void> {
  await runDueDestructions({
    store: keyJobs.startParts.store,
    signRecord: sign,
    signal,
    onShredded: (destruction) => {
      keyring.forgetDestroyed(destruction)
    },
    onDestroyed: ({ id, kind, tenantId, dataKeyId, scheduledBy }) => {
      logger.info({ destructionId: id, kind, tenantId, dataKeyId, scheduledBy }, 'destroyed as scheduled')
    },
    onFailed: (destructionId, error) => {
      logger.error({ destructionId, err: error }, 'not destroyed: tried again in a while')
    },
  })
}
