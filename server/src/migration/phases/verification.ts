// How far the proof of a key job has come, and what of it is stored, for whoever leads the job next.
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import { createIdentityDigest, resumeIdentityDigest, type IdentityDigest } from '../engine/identity-digest.ts'
import { destinationOf, type LeaderParts } from '../engine/migration-parts.ts'

export interface Proof {
  /** How many were opened, or set aside, so far. */
  rows: number
  /** The last of them. */
  after: CipherkeyPosition | undefined
  /**
   * The tenant's last cipherkey when the proof began; undefined: there was none. A tenant may make data keys faster than
   * a key job that gives way to it opens them; those come under the version that is being proven.
   */
  end: CipherkeyPosition | undefined
  digest: IdentityDigest
  /** How many cipherkeys the key job had copied when it began. */
  copied: number
}

interface ProofPosition {
  rows: number
  after: CipherkeyPosition
  end: CipherkeyPosition
  /** Base64. */
  digestState: string
  // It holds for no other version, and not once more was copied. Copying makes an end of it, but a replica of an older
  // version of Keyhold, which may still run beside this one, knows nothing of it.
  tenantKeyVersion: number
  copied: number
  /** RFC 3339. */
  savedAt: string
}

// Whoever comes later than this may have another database before them: one restored from a backup. It is long enough for
// a thousand key jobs that take turns.
const maxAgeMs = 3_600_000

/** What is to be stored of it; null: nothing was opened yet. */
export function proofPosition(
  { rows, after, end, digest, copied }: Proof,
  job: KeyJobRow,
): ProofPosition | null {
  if (after === undefined || end === undefined) return null
  return {
    ...{ rows, after, end, copied },
    digestState: digest.state().toString('base64'),
    tenantKeyVersion: destinationOf(job).version,
    savedAt: new Date().toISOString(),
  }
}

/** Takes up what is stored of a proof; undefined: it is to begin anew. */
export async function resumeProof({ store }: LeaderParts, job: KeyJobRow): Promise<Proof | undefined> {
  const { verifiedTo, copied } = await current(store, job)
  if (verifiedTo === undefined) return undefined
  const position = verifiedTo as ProofPosition
  const ageMs = Date.now() - Date.parse(position.savedAt)
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

export async function beginProof({ store }: LeaderParts, job: KeyJobRow): Promise<Proof> {
  const { copied } = await current(store, job)
  return {
    rows: 0,
    after: undefined,
    end: await store.cipherkeyChunks.findLast(job.tenantId),
    digest: await createIdentityDigest(),
    copied,
  }
}

// As it is now: the same step may have copied before it proves.
async function current({ keyJobs }: LeaderParts['store'], { tenantId, id }: KeyJobRow): Promise<KeyJobRow> {
  const job = await keyJobs.find(tenantId, id)
  if (job === undefined) throw new TypeError(`key job ${id} is gone`)
  return job
}
