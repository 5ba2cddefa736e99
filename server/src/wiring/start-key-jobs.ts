// This replica leads key jobs.
import type { Logger } from 'pino'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { MigrationParts } from '../migration/engine/migration-parts.ts'
import { createPacer } from '../migration/engine/pacer.ts'
import { runMigration } from '../migration/engine/run-migration.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { HoldSigner } from '../store/authentic/hold-signer.ts'
import type { Closers } from './close-all.ts'
import type { KeyJobTools } from './open-key-jobs.ts'
import type { Keyring } from './open-keyring.ts'

type KeyJobSettings = Pick<Settings, 'keyJobLeadSeconds' | 'migrationYields' | 'backupRetentionDays'>

interface StartNeeds {
  keyring: Keyring
  keyJobs: KeyJobTools
  queue: JobQueue
  holdSigner: HoldSigner
}

/** @param closers - receives the function that stops leading, after the step at hand */
export async function startKeyJobs(
  settings: KeyJobSettings,
  logger: Logger,
  needs: StartNeeds,
  closers: Closers,
): Promise<void> {
  const { queue } = needs
  const stopping = new AbortController()
  const parts = enginePartsOf(settings, needs)
  await queue.work({
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
  { keyring, keyJobs, holdSigner }: StartNeeds,
): MigrationParts {
  const { startParts, threads, budget, gauge } = keyJobs
  const { store, kms, failpoint } = startParts
  return {
    ...{ store, kms, tenantKeys: keyring.tenantKeys, threads, backupRetentionDays, failpoint },
    pacer: createPacer({ ...budget, yields: migrationYields, gauge, clock: () => performance.now() }),
    holdSigner,
    leadSeconds: keyJobLeadSeconds,
  }
}
