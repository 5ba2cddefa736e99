// The JSON columns of key jobs, and their forms.
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import { count, jsonReader, members, text, time } from '../json-column.ts'

/** Why a key job waits. */
export interface KeyJobError {
  code: string
  message: string
  /** RFC 3339. */
  at: string
}

/** The result of a verification, for the report. */
export interface Verification {
  /** RFC 3339. */
  verifiedAt: string
  tenantKeyVersion: number
  /** The number of cipherkeys that were opened. */
  cipherkeys: number
  /** The number of cipherkeys that were accepted as unreadable. */
  acceptedFailures: number
  /**
   * Lower-case hex: SHA-256 over all cipherkeys in the order of data key id and version, each as 16 bytes id, u32
   * big-endian version, 32 bytes key check value. It names the data keys whatever wraps them, and is therefore the same
   * before and after a migration in which none was made.
   */
  digest: string
}

/** How far a verification has come. */
export interface VerificationPosition {
  /** How many cipherkeys were opened, or set aside, so far. */
  rows: number
  /** The last of them. */
  after: CipherkeyPosition
  /** The tenant's last cipherkey when the verification began. */
  end: CipherkeyPosition
  /** The state of the digest, in base64. */
  digestState: string
  // It holds only for this version and only while nothing more is copied. Copying deletes it, but a replica of an older
  // version of Keyhold, which may still run beside this one, does not.
  tenantKeyVersion: number
  copied: number
  /** RFC 3339. */
  savedAt: string
}

const position = members({ dataKeyId: text, version: count })

export const readLastError = jsonReader<KeyJobError>(
  'key_jobs.last_error',
  members({ code: text, message: text, at: text }),
  'ERR_MIGRATION_RECORD_INVALID',
)

export const readVerification = jsonReader<Verification>(
  'key_jobs.verification',
  members({
    verifiedAt: time,
    tenantKeyVersion: count,
    cipherkeys: count,
    acceptedFailures: count,
    digest: text,
  }),
  'ERR_MIGRATION_RECORD_INVALID',
)

export const readVerifiedTo = jsonReader<VerificationPosition>(
  'key_jobs.verified_to',
  members({
    rows: count,
    after: position,
    end: position,
    digestState: text,
    tenantKeyVersion: count,
    copied: count,
    savedAt: time,
  }),
  'ERR_MIGRATION_RECORD_INVALID',
)
