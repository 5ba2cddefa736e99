// The failures of a key job, before it ends: each is as Keyhold wrote it, none is missing, and none is back that was
// forgotten. Otherwise cipherkeys would stay behind in the name of somebody who never accepted that.
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import type { FailureSet } from '../../store/key-jobs/signed-failures.ts'
import type { LeaderParts } from '../engine/migration-parts.ts'

/**
 * Outside the fence, which it would hold for as long as there are failures. While a key job has no open ones, only its leader
 * changes them.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` also where there are more or fewer than the key job has counted
 */
export async function readFailures({ store }: LeaderParts, job: LedKeyJob): Promise<FailureSet> {
  const found = await store.keyJobFailures.readSet(job.id)
  if (found.open + found.accepted !== job.current().failed) {
    store.macs.reject('keyJobProgress', job, 'incomplete')
  }
  return found
}

/**
 * Refuses the end of a key job whose failures are not those that its verification found.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
 */
export function refuseOtherFailures(
  { store }: LeaderParts,
  job: LedKeyJob,
  verified: Buffer,
  { digest }: FailureSet,
): void {
  if (!verified.equals(digest)) store.macs.reject('keyJobProgress', job, 'incomplete')
}
