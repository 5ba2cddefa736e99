// Finds key jobs for their tenants.
import { isUuid, KeyholdError } from '@keyhold/core'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { Store } from '../store/store.ts'

type KeyJobs = Pick<Store, 'keyJobs'>

/**
 * The running migration, or else the last completed one. An aborted or aborting migration is neither.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`
 */
export async function getMigrationDetails({ keyJobs }: KeyJobs, tenantId: string): Promise<KeyJobRow> {
  const live = await keyJobs.findLive(tenantId)
  const isShown = live?.kind === 'migration' && live.phase !== 'aborting'
  const job = isShown ? live : await keyJobs.findLastCompleted(tenantId)
  if (job === undefined) throw new KeyholdError('ERR_MIGRATION_NOT_FOUND')
  return job
}

/**
 * Refuses a key job that is not the live one of its tenant, whatever its row shows. Call it under `withFence`, for a key job
 * that has not ended.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function requireLiveKeyJob(
  { keyJobs, macs }: Pick<Store, 'keyJobs' | 'macs'>,
  job: KeyJobRow,
): Promise<void> {
  const live = await keyJobs.findLive(job.tenantId)
  if (live?.id !== job.id) macs.reject('keyJobProgress', job, 'older')
}

/**
 * A key job of the tenant, in any phase.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`
 */
export async function getKeyJob({ keyJobs }: KeyJobs, tenantId: string, id: string): Promise<KeyJobRow> {
  const job = isUuid(id) ? await keyJobs.find(tenantId, id) : undefined
  if (job === undefined) throw new KeyholdError('ERR_MIGRATION_NOT_FOUND')
  return job
}
