// The running migration, or else the last completed one; an aborted one is neither.
import { KeyholdError } from '@keyhold/core'
import type { KeyJobRow } from '../store/key-jobs.ts'
import type { Store } from '../store/store.ts'

/** @throws KeyholdError `ERR_MIGRATION_NOT_FOUND` */
export async function getMigrationDetails(store: Store, tenantId: string): Promise<KeyJobRow> {
  const job = (await store.keyJobs.findLive(tenantId)) ?? (await store.keyJobs.findLastCompleted(tenantId))
  if (job === undefined) throw new KeyholdError('ERR_MIGRATION_NOT_FOUND')
  return job
}
