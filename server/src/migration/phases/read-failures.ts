// The failures of a key job, before it ends: each is as Keyhold wrote it, none is missing, and none is back that was
// forgotten. Otherwise cipherkeys would stay behind in the name of somebody who never accepted that.
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import type { FailureSet } from '../../store/key-jobs/signed-failures.ts'
import type { TransactionStore } from '../../store/store.ts'
import { LeadLost, type LeaderParts } from '../engine/migration-parts.ts'

/**
 * Outside the fence, which it would hold for as long as there are failures. While a key job has no open ones, only its leader
 * changes them.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` also where there are more or fewer than the key job has counted
 * @throws LeadLost where they differ since this run leads no more
 */
export async function readFailures({ store, leaderId }: LeaderParts, job: LedKeyJob): Promise<FailureSet> {
  const found = await store.keyJobFailures.readSet(job.id)
  if (found.open + found.accepted !== job.current().failed) await refuse(store, leaderId, job)
  return found
}

/**
 * Refuses the end of a key job whose failures are not those that its verification found. Call it under the fence.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function refuseOtherFailures(
  { leaderId }: LeaderParts,
  transaction: TransactionStore,
  job: LedKeyJob,
  verified: Buffer,
  { digest }: FailureSet,
): Promise<void> {
  if (!verified.equals(digest)) await refuse(transaction, leaderId, job)
}

/** Another run that leads by now, or the deletion of the tenant, may have changed them rightly: then nothing is wrong. */
async function refuse(
  { keyJobs, macs }: Pick<TransactionStore, 'keyJobs' | 'macs'>,
  leaderId: string,
  job: LedKeyJob,
): Promise<void> {
  if (!(await keyJobs.isLed(job, leaderId))) throw new LeadLost()
  macs.reject('keyJobProgress', job, 'incomplete')
}
