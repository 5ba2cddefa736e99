// Cutover: the target becomes the current provider, and the old versions end, all in one transaction that looks once
// more for stale cipherkeys, under the lock which keeps every writer out.
import { systemActor } from '../../store/audits.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import { auditKeyJob, auditTenantKeysDestroyed } from '../audit-key-job.ts'
import { advance, destroyAfter, targetVersionOf, type LeaderParts } from '../engine/migration-parts.ts'
import { saveReport } from '../report.ts'

export async function cutover(parts: LeaderParts, job: KeyJobRow): Promise<void> {
  const { store, failpoint } = parts
  const targetVersion = targetVersionOf(job)
  await failpoint('migration.cutover.before-lock')
  await store.transaction(async (transaction) => {
    await transaction.tenants.lockFence(job.tenantId)
    const isStale = await transaction.keyJobFailures.existsStale(job.tenantId, job.id, targetVersion, {
      acceptedOnly: true,
    })
    if (isStale) {
      await advance(parts, transaction, job, { phase: 'copy', copiedTo: null })
      return
    }
    const completedAt = new Date()
    if (job.kind === 'migration') {
      await transaction.keyProviders.switchCurrent(job.tenantId, job.targetFingerprint, completedAt)
    }
    const ended = destroyAfter(parts, completedAt)
    const destroyed = await transaction.tenantKeys.retireOthers(job.tenantId, targetVersion, ended)
    await transaction.tenants.moveFence(job.tenantId, targetVersion)
    await advance(parts, transaction, job, { phase: 'done', completedAt })
    const report = await saveReport(parts, transaction, job)
    auditKeyJob(transaction, job, 'migration.cutover', systemActor, report)
    auditTenantKeysDestroyed(transaction, job.tenantId, destroyed, job.id)
    await failpoint('migration.cutover.before-commit')
  })
  await failpoint('migration.cutover.after-commit')
}
