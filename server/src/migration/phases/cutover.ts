// Cutover: the target becomes the current provider, and the old versions end, all in one transaction under the fence. It
// looks once more for stale cipherkeys before, and what it saw holds while the epoch is the same.
import { decideUnderFence } from '../../keyring/decide-under-fence.ts'
import { systemActor } from '../../store/audits.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { auditKeyJob, auditTenantKeysDestroyed } from '../audit-key-job.ts'
import {
  advance,
  LeadLost,
  requireLive,
  targetVersionOf,
  type LeaderParts,
} from '../engine/migration-parts.ts'
import { saveReport } from '../report.ts'
import { readFailures, refuseOtherFailures } from './read-failures.ts'

export async function cutover(parts: LeaderParts, job: LedKeyJob): Promise<void> {
  const { store, failpoint } = parts
  const targetVersion = targetVersionOf(job)
  await failpoint('migration.cutover.before-lock')
  const look = async () => ({
    failures: await readFailures(parts, job),
    ...(await store.surveys.findStale(job.tenantId, job.id, targetVersion, 'accepted')),
  })
  await decideUnderFence(store, job.tenantId, look, async (transaction, seen, fence) => {
    requireLive(job, fence)
    if (fence.activeTenantKeyVersion !== targetVersion) throw new LeadLost()
    const { isStale, versions, failures } = seen
    const { failuresDigest } = job
    if (failuresDigest !== undefined)
      await refuseOtherFailures(parts, transaction, job, failuresDigest, failures)
    // A version of Keyhold that makes no digest verified it.
    const isUnknown = failuresDigest === undefined && store.macs.requiresMacs()
    if (isStale || isUnknown) {
      await advance(parts, transaction, job, { phase: 'copy', copiedTo: null })
      return
    }
    if (job.kind === 'migration') {
      await transaction.keyProviders.switchCurrent(job.tenantId, job.targetFingerprint)
    }
    const { backupRetentionDays } = parts
    const destroyed = await transaction.tenantKeys.retireOthers(
      job.tenantId,
      targetVersion,
      versions,
      backupRetentionDays,
    )
    await transaction.tenants.moveFence(job.tenantId, targetVersion)
    await advance(parts, transaction, job, { phase: 'done', now: 'completed' })
    const report = await saveReport(parts, transaction, job)
    auditKeyJob(transaction, job, 'migration.cutover', systemActor, report)
    auditTenantKeysDestroyed(transaction, job.tenantId, destroyed, job.id)
    await failpoint('migration.cutover.before-commit')
  })
  await failpoint('migration.cutover.after-commit')
}
