// Leading one migration: phase after phase, each safe to be killed in and to be run twice. The lease keeps others
// from doing the same work; what keeps them from doing harm are epochs and compare-and-set.
import { isKeyholdError, KeyholdError, type ErrorCode } from '@keyhold/core'
import { isDatabaseUnavailable } from '../store/database.ts'
import type { KeyJobRow } from '../store/key-jobs.ts'
import { copyChunk } from './copy.ts'
import { cutover } from './cutover.ts'
import { dual } from './dual.ts'
import { LeadLost, type MigrationParts } from './migration-parts.ts'
import { prepare } from './prepare.ts'
import { verify } from './verify.ts'

const retrySeconds = 3

const steps: Readonly<Record<string, (parts: MigrationParts, job: KeyJobRow) => Promise<void>>> = {
  prepare,
  dual,
  copy: copyChunk,
  verify,
  cutover,
}

export interface RunMigrationOptions {
  /** When it aborts, the lead is given up after the step at hand. */
  signal: AbortSignal
  /** Told why a migration pauses. */
  onPause: (job: KeyJobRow, error: unknown) => void
}

/** Leads a key job until it has ended, pauses, or has another leader. Answers at once where another one leads. */
export async function runMigration(
  parts: MigrationParts,
  keyJobId: string,
  { signal, onPause }: RunMigrationOptions,
): Promise<void> {
  const { store, replicaId, leaseSeconds } = parts
  for (;;) {
    const job = await store.keyJobs.lease(keyJobId, replicaId, leaseSeconds)
    if (job === undefined) return
    if (signal.aborted) {
      await store.keyJobs.release(job.id, replicaId)
      return
    }
    const step = steps[job.phase]
    if (step === undefined) throw new TypeError(`key job ${job.id} has no step for ${job.phase}`)
    const renewal = setInterval(
      () => {
        // A lease that can't be renewed is found lost by the step's own transaction.
        store.keyJobs.lease(job.id, replicaId, leaseSeconds).catch(() => undefined)
      },
      (leaseSeconds * 1_000) / 3,
    )
    try {
      await step(parts, job)
    } catch (error) {
      if (error instanceof LeadLost) {
        await store.keyJobs.release(job.id, replicaId)
        return
      }
      onPause(job, error)
      await pause(parts, job, error)
      return
    } finally {
      clearInterval(renewal)
    }
  }
}

async function pause({ store, replicaId }: MigrationParts, job: KeyJobRow, error: unknown): Promise<void> {
  const { code, message } = explain(error)
  const lastError = { code, message, at: new Date().toISOString() }
  await store.keyJobs.pause(job.id, replicaId, lastError, retrySeconds)
}

// What a tenant's admin may read: causes of ours in full, anything else by its code alone.
function explain(error: unknown): { code: ErrorCode; message: string } {
  if (isKeyholdError(error)) return { code: error.code, message: error.message }
  const known = new KeyholdError(isDatabaseUnavailable(error) ? 'ERR_DATABASE_UNAVAILABLE' : 'ERR_INTERNAL')
  return { code: known.code, message: known.message }
}
