// How far the verification of a key job has come. The position is stored for the run that leads the job next.
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { VerificationPosition } from '../../store/key-jobs/key-job-json.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import {
  createIdentityDigest,
  resumeIdentityDigest,
  type IdentityDigest,
} from '../../keyring/identity-digest.ts'
import { destinationOf, type LeaderParts } from '../engine/migration-parts.ts'

export interface OngoingVerification {
  /** The number that were opened or set aside so far. */
  rows: number
  /** The last of them. */
  after: CipherkeyPosition | undefined
  /**
   * The tenant's last cipherkey when the verification began; undefined: there was none. A tenant may make data keys
   * faster than a key job that gives way to it opens them; those come under the version that is being verified.
   */
  end: CipherkeyPosition | undefined
  digest: IdentityDigest
  /** The number of cipherkeys that the key job had copied when the verification began. */
  copied: number
}

// After this time the database may be another one, restored from a backup. It is long enough for
// a thousand key jobs that take turns.
const maxAgeMs = 3_600_000

/** The position to store; null: nothing was opened yet. */
export function positionOf(
  { rows, after, end, digest, copied }: OngoingVerification,
  job: LedKeyJob,
  now: Date,
): VerificationPosition | null {
  if (after === undefined || end === undefined) return null
  return {
    ...{ rows, after, end, copied },
    digestState: digest.state().toString('base64'),
    tenantKeyVersion: destinationOf(job).version,
    savedAt: now.toISOString(),
  }
}

/** Resumes a stored verification; undefined: it must begin anew. */
export async function resumeVerification(
  { store }: LeaderParts,
  job: LedKeyJob,
): Promise<OngoingVerification | undefined> {
  // The same step may have copied before it verifies.
  const { verifiedTo, copied } = job.current()
  // A damaged position is no reason to wait for an operator: everything is verified from the beginning.
  if (verifiedTo === undefined || 'error' in verifiedTo) return undefined
  const position = verifiedTo.value
  const ageMs = store.clock.now().getTime() - Date.parse(position.savedAt)
  const isOfThis =
    position.tenantKeyVersion === destinationOf(job).version &&
    position.copied === copied &&
    Math.abs(ageMs) < maxAgeMs
  if (!isOfThis) return undefined
  const digest = await resumeIdentityDigest(Buffer.from(position.digestState, 'base64'))
  if (digest === undefined) return undefined
  const { rows, after, end } = position
  return { rows, after, end, digest, copied }
}

export async function beginVerification(
  { store }: LeaderParts,
  job: LedKeyJob,
): Promise<OngoingVerification> {
  const { copied } = job.current()
  return {
    rows: 0,
    after: undefined,
    end: await store.cipherkeyChunks.findLast(job.tenantId),
    digest: await createIdentityDigest(),
    copied,
  }
}
