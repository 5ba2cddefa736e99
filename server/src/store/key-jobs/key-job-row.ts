// A key job as stored: what its MACs cover, and how its row is read.
import { errorCodes, errorSummary, KeyholdError } from '@keyhold/core'
import type { Selectable } from 'kysely'
import type { Authentic, RowFault, RowMacs } from '../authentic/row-macs.ts'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import type { JsonColumn } from '../json-column.ts'
import type { KeyJobKind, KeyJobPhase, Tables } from '../tables.ts'
import { isInDigests, type KeyJobJson } from './json-digests.ts'
import {
  readLastError,
  readVerification,
  readVerifiedTo,
  type KeyJobError,
  type Verification,
  type VerificationPosition,
} from './key-job-json.ts'

/** A row of the table. */
export type StoredKeyJob = Selectable<Tables['key_jobs']>

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
  /** The digest of the failures that were found at the end of the verification; undefined before. */
  failuresDigest: Buffer | undefined
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

/** A key job in a list: one that Keyhold did not write so is shown beside the others. */
export interface ListedKeyJob extends KeyJobRow {
  isTampered: boolean
}

const turnedRound: readonly KeyJobPhase[] = ['aborting', 'aborted']

/** The key job that a statement has asked for: a database may answer with the row of another, which is authentic. */
export type AskedKeyJob = Partial<Pick<StoredKeyJob, 'id' | 'tenant_id'>>

/**
 * Lets a row pass whose task and progress Keyhold wrote, that belong together, and that was asked for.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
 */
export function verifyKeyJob(macs: RowMacs, row: StoredKeyJob, asked: AskedKeyJob): Authentic<StoredKeyJob> {
  macs.verify('keyJobTerms', row)
  if (isAnother(row, asked)) macs.reject('keyJobTerms', row, 'forged')
  return verifyProgress(macs, row)
}

/** The same for a row whose task was verified. */
export function verifyProgress(macs: RowMacs, row: StoredKeyJob): Authentic<StoredKeyJob> {
  const authentic = macs.verify('keyJobProgress', row)
  if (isMixed(row)) macs.reject('keyJobProgress', row, 'older')
  return authentic
}

/** The same for lists. Undefined: nothing is wrong, or it is not required yet. */
export function faultOfKeyJob(macs: RowMacs, row: StoredKeyJob, asked: AskedKeyJob): RowFault | undefined {
  const fault = macs.faultOf('keyJobTerms', row) ?? macs.faultOf('keyJobProgress', row)
  if (fault !== undefined || !macs.requiresMacs()) return fault
  if (isAnother(row, asked)) return 'forged'
  return isMixed(row) ? 'older' : undefined
}

function isAnother(row: StoredKeyJob, { id = row.id, tenant_id = row.tenant_id }: AskedKeyJob): boolean {
  return row.id !== id || row.tenant_id !== tenant_id
}

/** Whether one of both is from before the cancellation, and the other from after it: each has a MAC of its own. */
function isMixed({ cancelled_at, phase }: StoredKeyJob): boolean {
  return cancelled_at === null ? phase === 'aborting' : !turnedRound.includes(phase)
}

/** A row that was verified, or is only shown, as a key job. */
export function keyJobFromRow(row: StoredKeyJob, macs: Pick<RowMacs, 'requiresMacs'>): KeyJobRow {
  const verification = readVerification(row.verification, row.id)
  const verifiedTo = readVerifiedTo(row.verified_to, row.id)
  const requiresMacs = macs.requiresMacs()
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
    verifiedTo: requiresMacs ? authenticJson('verifiedTo', verifiedTo, row) : verifiedTo,
    verification: requiresMacs ? authenticJson('verification', verification, row) : verification,
    failuresDigest: row.failures_digest ?? undefined,
    retryCount: row.retry_count,
    retryAt: row.retry_at ?? undefined,
    copyStartedAt: row.copy_started_at ?? undefined,
    copyEndedAt: row.copy_ended_at ?? undefined,
    cancelledAt: row.cancelled_at ?? undefined,
    lastError: lastErrorOf(row, requiresMacs),
    createdAt: row.created_at,
    completedAt: row.completed_at ?? undefined,
  }
}

function authenticJson<Part extends keyof KeyJobJson>(
  part: Part,
  column: JsonColumn<NonNullable<KeyJobJson[Part]>> | undefined,
  { id, json_digests }: StoredKeyJob,
): JsonColumn<NonNullable<KeyJobJson[Part]>> | undefined {
  if (column !== undefined && 'error' in column) return column
  if (isInDigests(json_digests, part, column?.value ?? null)) return column
  const message = `A row of key_jobs was not written by Keyhold, or is an altered one: ${id}, its ${part}.`
  return { error: new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', { message }) }
}

// A job that is not authentic waits with an error that is not signed, and so might have been written by anybody: its code
// is one of ours, and the rest is made anew.
function lastErrorOf(row: StoredKeyJob, requiresMacs: boolean): JsonColumn<KeyJobError> | undefined {
  const column = readLastError(row.last_error, row.id)
  if (column === undefined || 'error' in column || !requiresMacs) return column
  if (isInDigests(row.json_digests, 'lastError', column.value)) return column
  const code = errorCodes.find((known) => known === column.value.code) ?? 'ERR_INTERNAL'
  const at = new Date(Date.parse(column.value.at) || 0).toISOString()
  return { value: { code, message: errorSummary(code), at } }
}
