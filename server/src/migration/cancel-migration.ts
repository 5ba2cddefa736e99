// Cancels a key job. This is possible until the cutover is committed. The way back begins in the same transaction:
// from then on new data keys come under the source's version again. The source must open for that, unless its version is
// still the active one. The target is not needed here.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import { getStoredTenantKey, unwrapTenantKey } from '../keyring/open-tenant-key.ts'
import type { Actor } from '../store/audits.ts'
import type { Fence } from '../store/fence/fence-row.ts'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { TransactionStore } from '../store/store.ts'
import { auditKeyJob } from './audit-key-job.ts'
import { getKeyJob, requireLiveKeyJob } from './migration-details.ts'
import type { StartMigrationParts } from './start-migration.ts'

/**
 * Cancels a live key job. A second call returns the key job that is aborting or aborted.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`, `ERR_MIGRATION_ENDED`, and `ERR_MIGRATION_NOT_PREPARED` when the key
 * to go back to can't be used now and something came under the target
 */
export async function cancelMigration(
  parts: StartMigrationParts,
  tenantId: string,
  keyJobId: string,
  actor: Actor,
): Promise<KeyJobRow> {
  const { store, failpoint } = parts
  const before = await getKeyJob(store, tenantId, keyJobId)
  if (isTurnedRound(before)) return before
  refuseDone(before)
  const fence = await store.tenants.findFence(tenantId)
  const isSourceActive = fence?.activeTenantKeyVersion === before.sourceVersion
  if (!isSourceActive || !(await turnRound(parts, before, actor, { isSourceTried: false }))) {
    await trySource(parts, before)
    await turnRound(parts, before, actor, { isSourceTried: true })
  }
  await failpoint('migration.cancel.after-commit')
  return getKeyJob(store, tenantId, keyJobId)
}

/** Answers whether the key job is turned round; false: its source must be tried first. */
async function turnRound(
  parts: StartMigrationParts,
  { tenantId, id: keyJobId }: KeyJobRow,
  actor: Actor,
  { isSourceTried }: { isSourceTried: boolean },
): Promise<boolean> {
  // Dual, copying and cutover take the fence too: none of them commits after this, as the phase has changed.
  return parts.store.withFence(tenantId, async (transaction, fence) => {
    const job = await getKeyJob(transaction, tenantId, keyJobId)
    if (isTurnedRound(job)) return true
    refuseDone(job)
    await requireLiveKeyJob(transaction, job)
    // Dual may have been committed a moment ago.
    if (fence?.activeTenantKeyVersion !== job.sourceVersion && !isSourceTried) return false
    await turnRoundUnderFence(transaction, fence, job, actor)
    await parts.enqueue(transaction, keyJobId)
    await parts.failpoint('migration.cancel.before-commit')
    return true
  })
}

/** Begins the way back of the live key job, whether or not its source opens. Call it under `withFence`. */
export async function turnRoundUnderFence(
  transaction: TransactionStore,
  fence: Fence | undefined,
  job: KeyJobRow,
  actor: Actor,
): Promise<void> {
  const { id, tenantId } = job
  if (fence?.activeTenantKeyVersion !== job.sourceVersion) {
    if (job.targetVersion === undefined || fence?.activeTenantKeyVersion !== job.targetVersion) {
      throw new TypeError(`key job ${id}: the active version is neither of its own`)
    }
    await transaction.tenantKeys.setState(tenantId, job.targetVersion, 'decrypt-only')
    await transaction.tenantKeys.setState(tenantId, job.sourceVersion, 'active')
    await transaction.tenants.moveFence(tenantId, job.sourceVersion)
  }
  await transaction.keyJobs.startAborting(id)
  auditKeyJob(transaction, job, 'migration.cancel', actor, { phase: job.phase })
}

function isTurnedRound({ phase }: KeyJobRow): boolean {
  return phase === 'aborting' || phase === 'aborted'
}

function refuseDone({ phase }: KeyJobRow): void {
  if (phase !== 'done') return
  throw new KeyholdError('ERR_MIGRATION_ENDED', {
    message: 'The migration is completed. To go back, migrate to the former key provider.',
  })
}

async function trySource({ store, kms }: StartMigrationParts, job: KeyJobRow): Promise<void> {
  const row = await getStoredTenantKey(store, job.tenantId, job.sourceVersion).catch(
    async (error: unknown) => {
      // Without a time for backups it is destroyed as soon as the key job is done, which may have come about meanwhile.
      refuseDone(await getKeyJob(store, job.tenantId, job.id))
      throw error
    },
  )
  try {
    await unwrapTenantKey(kms, row)
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    throw new KeyholdError('ERR_MIGRATION_NOT_PREPARED', {
      message: `The key to go back to cannot be used now: ${error.message}`,
      cause: error,
    })
  }
}
