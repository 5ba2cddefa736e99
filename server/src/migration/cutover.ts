// Cutover: the target becomes the current provider, and the old versions end, all in one transaction that counts
// once more under the lock which keeps every writer out.
import type { KeyJobRow } from '../store/key-jobs.ts'
import { advance, targetVersionOf, type LeaderParts } from './migration-parts.ts'

const dayMs = 86_400_000

export async function cutover(parts: LeaderParts, job: KeyJobRow): Promise<void> {
  const { store, failpoint, backupRetentionDays } = parts
  const targetVersion = targetVersionOf(job)
  await store.transaction(async (transaction) => {
    await transaction.tenants.lockFence(job.tenantId)
    if (await transaction.cipherkeys.existsStale(job.tenantId, targetVersion)) {
      await advance(parts, transaction, job, { phase: 'copy', copiedTo: null })
      return
    }
    const at = new Date()
    await transaction.keyProviders.switchCurrent(job.tenantId, job.targetFingerprint, at)
    await transaction.tenantKeys.retireBelow(
      job.tenantId,
      targetVersion,
      backupRetentionDays === 0 ? undefined : new Date(at.getTime() + backupRetentionDays * dayMs),
    )
    await transaction.tenants.moveFence(job.tenantId, targetVersion)
    await advance(parts, transaction, job, { phase: 'done', completedAt: at })
    await failpoint('migration.cutover.before-commit')
  })
  await failpoint('migration.cutover.after-commit')
}
