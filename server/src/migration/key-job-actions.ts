// What people do about a key job that waits: try it again now, or accept that cipherkeys stay behind.
import { KeyholdError } from '@keyhold/core'
import type { CipherkeyPosition } from '../store/cipherkeys.ts'
import type { KeyJobRow } from '../store/key-jobs.ts'
import { getKeyJob } from './migration-details.ts'
import type { StartMigrationParts } from './start-migration.ts'

export type KeyJobActionParts = Pick<StartMigrationParts, 'store' | 'enqueue'>

/**
 * Ends a key job's pause; one that is not paused goes on as it does.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`, `ERR_MIGRATION_ENDED`
 */
export async function retryKeyJob(
  { store, enqueue }: KeyJobActionParts,
  tenantId: string,
  keyJobId: string,
): Promise<KeyJobRow> {
  await store.transaction(async (transaction) => {
    refuseEnded(await getKeyJob(transaction, tenantId, keyJobId))
    await transaction.keyJobs.endPause(keyJobId)
    await enqueue(transaction, keyJobId)
  })
  return getKeyJob(store, tenantId, keyJobId)
}

/**
 * Accepts that cipherkeys do not open, all of those named or none, and lets the key job go on. Those that were accepted
 * before stay as they are.
 *
 * @param acceptedBy - the id of an API key
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`, `ERR_MIGRATION_ENDED`, `ERR_MIGRATION_FAILURE_NOT_FOUND`
 */
export async function acceptFailures(
  { store, enqueue }: KeyJobActionParts,
  tenantId: string,
  { keyJobId, failures, acceptedBy }: { keyJobId: string; failures: CipherkeyPosition[]; acceptedBy: string },
): Promise<KeyJobRow> {
  const named = [...new Map(failures.map((each) => [`${each.dataKeyId}/${each.version}`, each])).values()]
  await store.transaction(async (transaction) => {
    // Cutover and the end of a way back count the accepted ones under this lock.
    await transaction.tenants.lockFence(tenantId)
    refuseEnded(await getKeyJob(transaction, tenantId, keyJobId))
    if ((await transaction.keyJobFailures.countNamed(keyJobId, named)) !== named.length) {
      throw new KeyholdError('ERR_MIGRATION_FAILURE_NOT_FOUND', {
        message: 'Not all of these cipherkeys are set aside in this migration; none is accepted.',
      })
    }
    await transaction.keyJobFailures.accept(keyJobId, named, acceptedBy)
    await transaction.keyJobs.endPause(keyJobId)
    await enqueue(transaction, keyJobId)
  })
  return getKeyJob(store, tenantId, keyJobId)
}

function refuseEnded({ phase }: KeyJobRow): void {
  if (phase === 'done' || phase === 'aborted') throw new KeyholdError('ERR_MIGRATION_ENDED')
}
