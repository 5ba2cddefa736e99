// A key job as Keyhold's own routes show it, and the cipherkeys that it has set aside.
import { spellings, type KeyJob, type KeyJobFailure } from '@keyhold/contract'
import type {
  FailureCounts,
  KeyJobFailure as KeyJobFailureRow,
} from '../../store/key-jobs/key-job-failures.ts'
import { valueOf } from '../../store/json-column.ts'
import type { KeyJobRow, ListedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { keyJobProgress } from './key-job-progress.ts'

// A rate over a shorter time means nothing.
const minRateMs = 1_000

/**
 * @param failures - how many of those that it has set aside are still there
 * @throws KeyholdError `ERR_MIGRATION_RECORD_INVALID` when what is stored is damaged
 */
export function keyJobWire(job: KeyJobRow | ListedKeyJob, failures: FailureCounts, now: Date): KeyJob {
  const { id, kind, tenantId, phase, copyStartedAt, copyEndedAt, completedAt, cancelledAt } = job
  const isLive = phase !== 'done' && phase !== 'aborted'
  const lastError = isLive ? valueOf(job.lastError) : undefined
  const retryAt =
    lastError !== undefined && job.retryAt !== undefined && job.retryAt > now ? job.retryAt : undefined
  const keysPerSecond = rateOf(job, now)
  return {
    id,
    kind,
    tenantId,
    phase,
    progress: keyJobProgress(job),
    source: {
      fingerprint: job.sourceFingerprint,
      arn: arnWire(tenantId, job.sourceFingerprint, job.sourceKeyArn),
      tenantKeyVersion: job.sourceVersion,
    },
    target: {
      fingerprint: job.targetFingerprint,
      arn: arnWire(tenantId, job.targetFingerprint, job.targetKeyArn),
      ...(job.targetVersion !== undefined && { tenantKeyVersion: job.targetVersion }),
    },
    cipherkeys: {
      total: job.total,
      copied: job.copied,
      verified: job.verified,
      failed: job.failed,
      accepted: failures.accepted,
      // Nothing is destroyed while a key job is live. Afterwards only what is destroyed goes missing without being counted off.
      destroyed: isLive ? 0 : Math.max(0, job.failed - failures.accepted - failures.open),
    },
    initiatedAt: job.createdAt.toISOString(),
    ...(copyStartedAt !== undefined && { copyStartedAt: copyStartedAt.toISOString() }),
    ...(copyEndedAt !== undefined && { copyEndedAt: copyEndedAt.toISOString() }),
    ...(completedAt !== undefined && { completedAt: completedAt.toISOString() }),
    ...(cancelledAt !== undefined && { cancelledAt: cancelledAt.toISOString() }),
    ...(lastError !== undefined && { lastError }),
    ...(retryAt !== undefined && { retryAt: retryAt.toISOString() }),
    ...(keysPerSecond !== undefined && { keysPerSecond }),
    ...(phase === 'copy' &&
      keysPerSecond !== undefined &&
      keysPerSecond > 0 && {
        etaSeconds: Math.ceil(Math.max(0, job.total - job.copied) / keysPerSecond),
      }),
    ...('isTampered' in job && job.isTampered && { tampered: true as const }),
  }
}

/** The internal KMS has no ARN. The wire has a spelling for it. */
export function arnWire(tenantId: string, fingerprint: string, keyArn: string): string {
  return fingerprint === tenantId ? spellings.defaultProviderArn : keyArn
}

// On the way back `copied` counts from zero again, and the start of that is not stored.
function rateOf(job: KeyJobRow, now: Date): number | undefined {
  if (job.copyStartedAt === undefined || job.cancelledAt !== undefined) return undefined
  const end = job.phase === 'copy' ? now : (job.copyEndedAt ?? now)
  const ms = end.getTime() - job.copyStartedAt.getTime()
  return ms < minRateMs ? undefined : Math.round((job.copied * 1_000) / ms)
}

export function keyJobFailureWire(failure: KeyJobFailureRow): KeyJobFailure {
  const { dataKeyId, version, keyName, tenantKeyVersion, code, createdAt, acceptedAt, acceptedBy } = failure
  return {
    dataKeyId,
    version,
    ...(keyName !== undefined && { keyName }),
    ...(tenantKeyVersion !== undefined && { tenantKeyVersion }),
    code,
    at: createdAt.toISOString(),
    ...(acceptedAt !== undefined && { acceptedAt: acceptedAt.toISOString() }),
    ...(acceptedBy !== undefined && { acceptedBy }),
    ...(failure.isTampered && { tampered: true as const }),
  }
}
