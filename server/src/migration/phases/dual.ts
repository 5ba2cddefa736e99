// Dual: from here on new data keys are wrapped by the new tenant key version, while old ones are still opened with
// theirs. The epoch moves, so that whoever wrapped for the old version can't commit any more.
import { openTenantKey } from '../../keyring/open-tenant-key.ts'
import { systemActor } from '../../store/audits.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { auditKeyJob } from '../audit-key-job.ts'
import {
  advance,
  LeadLost,
  requireLive,
  targetVersionOf,
  type LeaderParts,
} from '../engine/migration-parts.ts'

export async function dual(parts: LeaderParts, job: LedKeyJob): Promise<void> {
  const { store, failpoint } = parts
  const targetVersion = targetVersionOf(job)
  await failpoint('migration.dual.before-kms')
  // Read back what prepare stored: the row, not the memory of it, must open through the target.
  await openTenantKey(parts, job.tenantId, targetVersion)

  // Outside the fence, which every writer of this tenant's keys waits for: counting very many rows takes its time.
  const total = await store.surveys.count(job.tenantId)
  await failpoint('migration.dual.before-lock')
  await store.withFence(job.tenantId, async (transaction, fence) => {
    requireLive(job, fence)
    // Another run was here in between.
    if (fence?.activeTenantKeyVersion === targetVersion) throw new LeadLost()
    if (fence?.activeTenantKeyVersion !== job.sourceVersion) {
      throw new TypeError(`key job ${job.id}: the active version changed under a live key job`)
    }
    await transaction.tenantKeys.setState(job.tenantId, job.sourceVersion, 'decrypt-only')
    await transaction.tenantKeys.setState(job.tenantId, targetVersion, 'active')
    const epoch = await transaction.tenants.moveFence(job.tenantId, targetVersion)
    await advance(parts, transaction, job, { phase: 'copy', epoch, total })
    const details = { tenantKeyVersion: String(targetVersion), cipherkeys: String(total) }
    auditKeyJob(transaction, job, 'migration.dual', systemActor, details)
    await failpoint('migration.dual.before-commit')
  })
  await failpoint('migration.dual.after-commit')
}
