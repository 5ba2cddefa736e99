// A key job as stored: it reads the row, and turns the changes of a step into columns.
import { sql, type Selectable, type UpdateObject } from 'kysely'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import type { JsonColumn } from '../json-column.ts'
import type { KeyJobKind, KeyJobPhase, Tables } from '../tables.ts'
import {
  readLastError,
  readVerification,
  readVerifiedTo,
  type KeyJobError,
  type Verification,
  type VerificationPosition,
} from './key-job-json.ts'

export interface KeyJobRow {
  id: string
  tenantId: string
  kind: KeyJobKind
  phase: KeyJobPhase
  sourceFingerprint: string
  sourceKeyArn: string
  sourceVersion: number
  targetFingerprint: string
  targetKeyArn: string
  /** Undefined until the target's tenant key is made. */
  targetVersion: number | undefined
  /** The tenant's epoch from dual on. */
  epoch: number | undefined
  copiedTo: CipherkeyPosition | undefined
  total: number
  copied: number
  /** Cipherkeys set aside in this key job, accepted ones included. */
  failed: number
  /** Cipherkeys opened so far in the verification. */
  verified: number
  /** Where the verification goes on; undefined: at the beginning. */
  verifiedTo: JsonColumn<VerificationPosition> | undefined
  /** The result of the verification; undefined before its end. */
  verification: JsonColumn<Verification> | undefined
  retryCount: number
  /** When a paused key job is tried again. */
  retryAt: Date | undefined
  copyStartedAt: Date | undefined
  copyEndedAt: Date | undefined
  cancelledAt: Date | undefined
  /** Why the key job waits. */
  lastError: JsonColumn<KeyJobError> | undefined
  createdAt: Date
  completedAt: Date | undefined
}

/** A row of the table as a key job. */
export function keyJobFromRow(row: Selectable<Tables['key_jobs']>): KeyJobRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    phase: row.phase,
    sourceFingerprint: row.source_fingerprint,
    sourceKeyArn: row.source_key_arn,
    sourceVersion: row.source_version,
    targetFingerprint: row.target_fingerprint,
    targetKeyArn: row.target_key_arn,
    targetVersion: row.target_version ?? undefined,
    epoch: row.epoch ?? undefined,
    copiedTo:
      row.copied_to_data_key_id === null || row.copied_to_version === null
        ? undefined
        : { dataKeyId: row.copied_to_data_key_id, version: row.copied_to_version },
    total: row.total,
    copied: row.copied,
    failed: row.failed,
    verified: row.verified,
    verifiedTo: readVerifiedTo(row.verified_to, row.id),
    verification: readVerification(row.verification, row.id),
    retryCount: row.retry_count,
    retryAt: row.retry_at ?? undefined,
    copyStartedAt: row.copy_started_at ?? undefined,
    copyEndedAt: row.copy_ended_at ?? undefined,
    cancelledAt: row.cancelled_at ?? undefined,
    lastError: readLastError(row.last_error, row.id),
    createdAt: row.created_at,
    completedAt: row.completed_at ?? undefined,
  }
}

/** The changes that a step of a key job saves. Members that are absent stay as they are. */
export interface KeyJobChanges {
  phase?: KeyJobPhase
  targetVersion?: number
  epoch?: number
  copiedTo?: CipherkeyPosition | null
  total?: number
  copiedMore?: number
  /** How many more are set aside; below 0: as many open again. */
  failedMore?: number
  verified?: number
  /** Null: the verification must begin anew. */
  verifiedTo?: VerificationPosition | null
  verification?: Verification
  /** The event of this step; the database's clock says when. The first start of copying counts. */
  now?: 'copyStarted' | 'copyEnded' | 'completed'
}

/**
 * The columns that a step writes. Columns with the value undefined are not part of the statement. Whenever cipherkeys are
 * copied, the verification begins anew.
 */
export function columnsOf(changes: KeyJobChanges): UpdateObject<Tables, 'key_jobs'> {
  const { copiedTo, copiedMore, failedMore, now } = changes
  const isCopying = copiedTo !== undefined || copiedMore !== undefined
  return {
    phase: changes.phase,
    target_version: changes.targetVersion,
    epoch: changes.epoch,
    copied_to_data_key_id: copiedTo === null ? null : copiedTo?.dataKeyId,
    copied_to_version: copiedTo === null ? null : copiedTo?.version,
    // Cipherkeys that were made after the counting and before dual are copied too.
    total:
      changes.total ??
      (copiedMore === undefined
        ? undefined
        : sql`greatest(total, copied + ${copiedMore} + failed + ${failedMore ?? 0})`),
    copied: copiedMore === undefined ? undefined : sql`copied + ${copiedMore}`,
    failed: failedMore === undefined || failedMore === 0 ? undefined : sql`failed + ${failedMore}`,
    verified: changes.verified ?? (isCopying ? 0 : undefined),
    verified_to: isCopying ? null : jsonOf(changes.verifiedTo),
    verification: jsonOf(changes.verification),
    copy_started_at: now === 'copyStarted' ? sql`coalesce(copy_started_at, now())` : undefined,
    copy_ended_at: now === 'copyEnded' ? sql`now()` : undefined,
    completed_at: now === 'completed' ? sql`now()` : undefined,
  }
}

function jsonOf(value: object | null | undefined): string | null | undefined {
  return value === null || value === undefined ? value : JSON.stringify(value)
}
