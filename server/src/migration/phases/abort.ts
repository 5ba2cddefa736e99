// Aborting finishes what a cancellation began. The source's version is active again. Cipherkeys under another version
// are brought back and verified, and the target's version ends. The target is asked only for cipherkeys that came under
// it. If it refuses to open them, they are set aside, and wait until it opens again or they are accepted. The source is
// needed unless the key job never came to the point of changing anything.
import { decideUnderFence } from '../../keyring/decide-under-fence.ts'
import { systemActor } from '../../store/audits.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { auditKeyJob, auditTenantKeysDestroyed } from '../audit-key-job.ts'
import { copyCipherkeys } from './copy-cipherkeys.ts'
import { advance, LeadLost, requireLive, type LeaderParts } from '../engine/migration-parts.ts'
import { readFailures, refuseOtherFailures } from './read-failures.ts'
import { verifyCipherkeys, type Verified } from './verify-cipherkeys.ts'
import { saveReport } from '../report.ts'

export async function abort(parts: LeaderParts, job: LedKeyJob): Promise<void> {
  // First of all, since copying needs the source for every cipherkey that it meets, also for one that stays behind.
  if (await isUntouched(parts, job)) {
    await end(parts, job, undefined)
    return
  }
  if (!(await copyCipherkeys(parts, job))) return
  const found = await verifyCipherkeys(parts, job)
  if (found === 'unfinished') return
  if (found === 'stale') {
    await parts.store.transaction((transaction) => advance(parts, transaction, job, { copiedTo: null }))
    return
  }
  await end(parts, job, found)
}

/**
 * Nothing was ever under the target, and nothing has to be brought back: then there is nothing to verify. What was accepted
 * under its version in an earlier key job stays behind, as it did there.
 */
async function isUntouched(
  { store }: LeaderParts,
  { id, tenantId, epoch, sourceVersion, copied }: LedKeyJob,
) {
  if (epoch !== undefined || copied !== 0) return false
  return !(await store.surveys.findStale(tenantId, id, sourceVersion, 'accepted-in-any')).isStale
}

/** @param verified - undefined: there was nothing to verify */
async function end(parts: LeaderParts, job: LedKeyJob, verified: Verified | undefined): Promise<void> {
  const { store, failpoint } = parts
  const excuse = verified === undefined ? 'accepted-in-any' : 'accepted'
  const look = async () => ({
    failures: await readFailures(parts, job),
    ...(await store.surveys.findStale(job.tenantId, job.id, job.sourceVersion, excuse)),
  })
  await decideUnderFence(store, job.tenantId, look, async (transaction, seen, fence) => {
    requireLive(job, fence)
    const { isStale, versions, failures } = seen
    if (verified !== undefined)
      await refuseOtherFailures(parts, transaction, job, verified.failuresDigest, failures)
    if (fence.activeTenantKeyVersion !== job.sourceVersion) throw new LeadLost()
    if (isStale) {
      await advance(parts, transaction, job, { copiedTo: null })
      return
    }
    const { backupRetentionDays } = parts
    const destroyed = [
      ...(await transaction.tenantKeys.destroyPending(job.tenantId)),
      ...(await transaction.tenantKeys.retireOthers(
        job.tenantId,
        job.sourceVersion,
        versions,
        backupRetentionDays,
      )),
    ]
    await transaction.tenants.moveFence(job.tenantId, job.sourceVersion)
    await advance(parts, transaction, job, {
      phase: 'aborted',
      now: 'completed',
      ...(verified !== undefined && { verified: verified.verification.cipherkeys, ...verified }),
    })
    const report = await saveReport(parts, transaction, job)
    auditKeyJob(transaction, job, 'migration.abort', systemActor, report)
    auditTenantKeysDestroyed(transaction, job.tenantId, destroyed, job.id)
    await failpoint('migration.abort.before-commit')
  })
  await failpoint('migration.abort.after-commit')
}
