// Dual: from here on new data keys are wrapped by the new tenant key version, while old ones are still opened with
// theirs. The epoch moves, so that whoever wrapped for the old version can't commit any more.
import { KeyholdError } from '@keyhold/core'
import { unwrapTenantKey } from '../keyring/tenant-key-cache.ts'
import type { KeyJobRow } from '../store/key-jobs.ts'
import { advance, targetVersionOf, type MigrationParts } from './migration-parts.ts'

export async function dual(parts: MigrationParts, job: KeyJobRow): Promise<void> {
  const { store, kms, failpoint } = parts
  const targetVersion = targetVersionOf(job)
  // Read back what prepare stored: the row, not the memory of it, must open through the target.
  const stored = await store.tenantKeys.find(job.tenantId, targetVersion)
  if (stored?.wrapped === undefined) throw new KeyholdError('ERR_KEY_INTEGRITY')
  await unwrapTenantKey(kms, { ...stored, wrapped: stored.wrapped })

  await store.transaction(async (transaction) => {
    const fence = await transaction.tenants.lockFence(job.tenantId)
    if (fence?.activeTenantKeyVersion !== job.sourceVersion) {
      throw new TypeError(`key job ${job.id}: the active version changed under a live key job`)
    }
    await transaction.tenantKeys.setState(job.tenantId, job.sourceVersion, 'decrypt-only')
    await transaction.tenantKeys.setState(job.tenantId, targetVersion, 'active')
    const epoch = await transaction.tenants.moveFence(job.tenantId, targetVersion)
    const total = await transaction.cipherkeys.count(job.tenantId)
    await advance(parts, transaction, job, { phase: 'copy', epoch, total })
    await failpoint('migration.dual.before-commit')
  })
  await failpoint('migration.dual.after-commit')
}
