// A checkpoint: what is signed about the end of a chain of audit records, and about the checkpoint before.
import { createHash } from 'node:crypto'
import type { StoredCheckpoint } from '../store/audit-trail/audit-checkpoints.ts'

/** The signed words. */
export interface AuditCheckpoint {
  type: 'keyhold/audit-checkpoint/1'
  /** Null: the installation's chain. */
  tenantId: string | null
  /** Of the last record; from 1. */
  sequence: number
  /** Of the last record: 64 lower-case hex characters. */
  hash: string
  /** Counts the checkpoints of this chain from 1. */
  number: number
  /** SHA-256 of the JWS before, in hex; zeros before the first. */
  previous: string
  /** RFC 3339 in UTC, by the clock of the database. */
  signedAt: string
}

/** A checkpoint as it is kept and shown: `checkpoint` is the payload of `jws`, for reading. */
export interface SignedCheckpoint {
  jws: string
  checkpoint: AuditCheckpoint
}

/** As much of a checkpoint as has to be remembered. */
export interface KnownCheckpoint extends Pick<AuditCheckpoint, 'number' | 'sequence' | 'hash'> {
  /** Of its JWS. */
  digest: string
}

export const noCheckpointBefore = '0'.repeat(64)

/** Names a checkpoint in the one after it. */
export function checkpointDigest(jws: string): string {
  return createHash('sha256').update(jws, 'ascii').digest('hex')
}

export function knownOf({ jws, checkpoint: { number, sequence, hash } }: SignedCheckpoint): KnownCheckpoint {
  return { number, sequence, hash, digest: checkpointDigest(jws) }
}

/** The name of the chain in the database. */
export function chainOf({ tenantId }: Pick<AuditCheckpoint, 'tenantId'>): string {
  return tenantId ?? ''
}

/**
 * Reads a stored checkpoint. Undefined: this installation has not signed it for this chain under this number.
 *
 * @param readOwn - answers the payload of a JWS that this installation has signed
 */
export function readStored(
  readOwn: (jws: string) => unknown,
  { chain, number, jws }: StoredCheckpoint,
): SignedCheckpoint | undefined {
  const checkpoint = asCheckpoint(readOwn(jws))
  const isThis = checkpoint !== undefined && chainOf(checkpoint) === chain && checkpoint.number === number
  return isThis ? { jws, checkpoint } : undefined
}

/** Other things are signed by the same key: the type tells them apart. */
export function asCheckpoint(payload: unknown): AuditCheckpoint | undefined {
  const found = payload as Partial<AuditCheckpoint> | null | undefined
  return found?.type === 'keyhold/audit-checkpoint/1' ? (found as AuditCheckpoint) : undefined
}
