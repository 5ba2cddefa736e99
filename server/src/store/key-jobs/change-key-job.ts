// The changes of a key job. They are made here and not in SQL, from a row that was verified, so that what is signed is what
// is written.
import type { UpdateObject } from 'kysely'
import type { RowMacs } from '../authentic/row-macs.ts'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import type { KeyJobPhase, Tables } from '../tables.ts'
import { changeJsonDigests, type KeyJobJson } from './json-digests.ts'
import type { KeyJobError, Verification, VerificationPosition } from './key-job-json.ts'
import type { StoredKeyJob } from './key-job-row.ts'

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
  failuresDigest?: Buffer
  /** The event of this step; the store's clock says when. The first start of copying counts. */
  now?: 'copyStarted' | 'copyEnded' | 'completed'
}

export type KeyJobColumns = UpdateObject<Tables, 'key_jobs'>

/** A row after a change, and the columns to be written for it. */
export interface ChangedKeyJob {
  row: StoredKeyJob
  columns: KeyJobColumns
}

const unpaused = { retry_at: null, retry_count: 0 }

/** A step's changes. Whenever cipherkeys are copied, the verification begins anew; the last error is forgotten. */
export function takeStep(
  macs: RowMacs,
  before: StoredKeyJob,
  { now: event, ...changes }: KeyJobChanges,
  now: Date,
): ChangedKeyJob {
  const { copiedTo, copiedMore } = changes
  const isCopying = copiedTo !== undefined || copiedMore !== undefined
  const copied = before.copied + (copiedMore ?? 0)
  const failed = before.failed + (changes.failedMore ?? 0)
  // Cipherkeys that were made after the counting and before dual are copied too.
  const total = copiedMore === undefined ? before.total : Math.max(before.total, copied + failed)
  const verifiedTo = isCopying ? null : changes.verifiedTo
  const { row, columns } = signProgress(
    macs,
    {
      ...before,
      phase: changes.phase ?? before.phase,
      target_version: changes.targetVersion ?? before.target_version,
      epoch: changes.epoch ?? before.epoch,
      ...(copiedTo !== undefined && {
        copied_to_data_key_id: copiedTo?.dataKeyId ?? null,
        copied_to_version: copiedTo?.version ?? null,
      }),
      total: changes.total ?? total,
      copied,
      failed,
      verified: changes.verified ?? (isCopying ? 0 : before.verified),
      failures_digest: isCopying ? null : (changes.failuresDigest ?? before.failures_digest),
      copy_started_at: before.copy_started_at ?? (event === 'copyStarted' ? now : null),
      copy_ended_at: event === 'copyEnded' ? now : before.copy_ended_at,
      completed_at: event === 'completed' ? now : before.completed_at,
    },
    {
      lastError: null,
      ...(verifiedTo !== undefined && { verifiedTo }),
      ...(changes.verification !== undefined && { verification: changes.verification }),
    },
  )
  return { row: { ...row, ...unpaused }, columns: { ...columns, ...unpaused } }
}

/** Turns a key job round: it begins its way back at the beginning. Its task is signed anew, too. */
export function turnRound(macs: RowMacs, before: StoredKeyJob, now: Date): ChangedKeyJob {
  const cancelled: StoredKeyJob = {
    ...before,
    phase: 'aborting',
    cancelled_at: now,
    copied_to_data_key_id: null,
    copied_to_version: null,
    copied: 0,
    verified: 0,
    failures_digest: null,
  }
  const mac = macs.sign('keyJobTerms', cancelled)
  const { row, columns } = signProgress(macs, cancelled, { verifiedTo: null, lastError: null })
  return { row: { ...row, ...unpaused, mac }, columns: { ...columns, ...unpaused, cancelled_at: now, mac } }
}

/** Ends a key job before its time, without a way back. */
export function endEarly(macs: RowMacs, before: StoredKeyJob, now: Date): ChangedKeyJob {
  const ended: StoredKeyJob = { ...before, phase: 'aborted', completed_at: now }
  const { row, columns } = signProgress(macs, ended, { lastError: null })
  return { row, columns: { ...columns, led_by: null, lead_expires_at: null } }
}

/** Lets a key job say why it waits. */
export function sayError(macs: RowMacs, before: StoredKeyJob, error: KeyJobError): ChangedKeyJob {
  return signProgress(macs, before, { lastError: error })
}

/** Counts failures off that are no longer there. */
export function countOff(macs: RowMacs, before: StoredKeyJob, failures: number): ChangedKeyJob {
  return signProgress(macs, { ...before, failed: before.failed - failures }, {})
}

/** @param json - the JSON columns that change */
function signProgress(macs: RowMacs, changed: StoredKeyJob, json: Partial<KeyJobJson>): ChangedKeyJob {
  const next: StoredKeyJob = {
    ...changed,
    json_digests: changeJsonDigests(changed.json_digests, json),
    ...('lastError' in json && { last_error: json.lastError }),
    ...('verification' in json && { verification: json.verification }),
    ...('verifiedTo' in json && { verified_to: json.verifiedTo }),
  }
  const progress_mac = macs.sign('keyJobProgress', next)
  return {
    row: { ...next, progress_mac },
    columns: {
      ...progressOf(next),
      progress_mac,
      ...('lastError' in json && { last_error: jsonOf(json.lastError) }),
      ...('verification' in json && { verification: jsonOf(json.verification) }),
      ...('verifiedTo' in json && { verified_to: jsonOf(json.verifiedTo) }),
    },
  }
}

/** All columns that the MAC covers, whether they have changed or not: what the database shows there now is not asked. */
function progressOf(row: StoredKeyJob): KeyJobColumns {
  return {
    phase: row.phase,
    target_version: row.target_version,
    epoch: row.epoch,
    copied_to_data_key_id: row.copied_to_data_key_id,
    copied_to_version: row.copied_to_version,
    total: row.total,
    copied: row.copied,
    failed: row.failed,
    verified: row.verified,
    copy_started_at: row.copy_started_at,
    copy_ended_at: row.copy_ended_at,
    completed_at: row.completed_at,
    failures_digest: row.failures_digest,
    json_digests: row.json_digests,
  }
}

function jsonOf(value: object | null | undefined): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value)
}
