// The actions for a key job that waits: try it again now, or accept that cipherkeys stay behind.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { CipherkeyPosition } from '../store/cipherkeys/cipherkeys.ts'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { Store, TransactionStore } from '../store/store.ts'
import { auditKeyJob } from './audit-key-job.ts'
import { getKeyJob, requireLiveKeyJob } from './migration-details.ts'
import type { StartMigrationParts } from './start-migration.ts'

export type KeyJobActionParts = Pick<StartMigrationParts, 'store' | 'enqueue'>

/**
 * Ends a key job's pause. A key job that is not paused goes on unchanged. One whose failures are not those that Keyhold wrote
 * begins anew with its copying, and forgets them: what does not open is found again, and whoever accepted it is asked again.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`, `ERR_MIGRATION_ENDED`
 */
export async function retryKeyJob(
  { store, enqueue }: KeyJobActionParts,
  tenantId: string,
  keyJobId: string,
  actor: Actor,
): Promise<KeyJobRow> {
  const before = await getKeyJob(store, tenantId, keyJobId)
  refuseEnded(before)
  const isSuspicious = !(await hasOwnFailures(store, before))
  const change: Store['transaction'] = (work) =>
    isSuspicious ? store.withFence(tenantId, (transaction) => work(transaction)) : store.transaction(work)
  await change(async (transaction) => {
    const job = await getKeyJob(transaction, tenantId, keyJobId)
    refuseEnded(job)
    if (isSuspicious) await forgetOthersFailures(transaction, job)
    await transaction.keyJobs.endPause(keyJobId)
    await enqueue(transaction, keyJobId)
    auditKeyJob(transaction, job, 'migration.retry', actor)
  })
  return getKeyJob(store, tenantId, keyJobId)
}

/**
 * Accepts that the named cipherkeys do not open, all of them or none, and lets the key job go on. Those that were
 * accepted before stay as they are.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`, `ERR_MIGRATION_ENDED`, `ERR_MIGRATION_FAILURE_NOT_FOUND`
 */
export async function acceptFailures(
  { store, enqueue }: KeyJobActionParts,
  tenantId: string,
  { keyJobId, failures }: { keyJobId: string; failures: CipherkeyPosition[] },
  actor: Actor,
): Promise<KeyJobRow> {
  const named = [...new Map(failures.map((each) => [`${each.dataKeyId}/${each.version}`, each])).values()]
  // Cutover and the end of a way back decide under the fence.
  await store.withFence(tenantId, async (transaction) => {
    const job = await getKeyJob(transaction, tenantId, keyJobId)
    refuseEnded(job)
    await requireLiveKeyJob(transaction, job)
    if ((await transaction.keyJobFailures.countNamed(keyJobId, named)) !== named.length) {
      throw new KeyholdError('ERR_MIGRATION_FAILURE_NOT_FOUND', {
        message: 'Not all of these cipherkeys are set aside in this migration; none is accepted.',
      })
    }
    const accepted = await transaction.keyJobFailures.accept(keyJobId, named, actor.id)
    await transaction.keyJobs.endPause(keyJobId)
    await enqueue(transaction, keyJobId)
    const details = { accepted: String(accepted) }
    auditKeyJob(transaction, job, 'migration.accept-failures', actor, details)
  })
  return getKeyJob(store, tenantId, keyJobId)
}

/** Whether what a key job has set aside is what Keyhold wrote, all of it. */
async function hasOwnFailures(
  { keyJobFailures }: Pick<Store, 'keyJobFailures'>,
  { id, failed }: KeyJobRow,
): Promise<boolean> {
  try {
    const { open, accepted } = await keyJobFailures.readSet(id)
    return open + accepted === failed
  } catch (error) {
    if (isKeyholdError(error, 'ERR_RECORD_NOT_AUTHENTIC')) return false
    throw error
  }
}

/** Under the fence. While nobody saves progress, it looks once more: a key job that goes on sets aside what it finds. */
async function forgetOthersFailures(transaction: TransactionStore, job: KeyJobRow): Promise<void> {
  await requireLiveKeyJob(transaction, job)
  if (await hasOwnFailures(transaction, await transaction.keyJobs.hold(job.id))) return
  await transaction.keyJobFailures.forgetAll(job.id)
  await transaction.keyJobs.beginAnew(job.id)
}

function refuseEnded({ phase }: KeyJobRow): void {
  if (phase === 'done' || phase === 'aborted') throw new KeyholdError('ERR_MIGRATION_ENDED')
}
