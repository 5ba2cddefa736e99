// Leading one key job: phase after phase, each safe to be killed in and to be run twice. The lease keeps others
// from doing the same work; what keeps them from doing harm are epochs and compare-and-set.
import { isKeyholdError, KeyholdError, type ErrorCode } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { isDatabaseUnavailable } from '../../store/database.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import { abort } from '../phases/abort.ts'
import { copy } from '../phases/copy.ts'
import { cutover } from '../phases/cutover.ts'
import { dual } from '../phases/dual.ts'
import { LeadLost, type LeaderParts, type MigrationParts } from './migration-parts.ts'
import { prepare } from '../phases/prepare.ts'
import { createStint } from './stint.ts'
import { verify } from '../phases/verify.ts'

// Between two tries: twice as long each time, with jitter so that the jobs of one lost KEK don't come all at once.
const firstRetrySeconds = 1
const maxRetrySeconds = 60
const jitterShare = 0.2
// Only repairs or an operator end this wait, and they may ask for a new try at once.
const openFailuresRetrySeconds = 30
const pauseAttempts = 5
const pauseAgainMs = 50

const steps: Readonly<Record<string, (parts: LeaderParts, job: KeyJobRow) => Promise<void>>> = {
  prepare,
  dual,
  copy,
  verify,
  cutover,
  aborting: abort,
}

export interface RunMigrationOptions {
  /** When it aborts, the lead is given up after the step at hand. */
  signal: AbortSignal
  /** Told why a migration pauses. */
  onPause: (job: KeyJobRow, error: unknown) => void
}

/**
 * Leads a key job until it has ended, pauses, or has another leader; at once where another one leads. Answers whether
 * it has given way to other key jobs: then the job waits for a leader again.
 */
export async function runMigration(
  migrationParts: MigrationParts,
  keyJobId: string,
  { signal, onPause }: RunMigrationOptions,
): Promise<boolean> {
  const stint = createStint(migrationParts.store)
  // An id for this run alone: a second run in the same process is another leader like one elsewhere.
  const parts: LeaderParts = { ...migrationParts, leaderId: randomUUID(), signal, stint }
  const { store, leaderId, leaseSeconds } = parts
  for (;;) {
    const job = await store.keyJobs.lease(keyJobId, leaderId, leaseSeconds)
    if (job === undefined) return false
    if (signal.aborted || stint.isOver) {
      await store.keyJobs.release(job.id, leaderId)
      return !signal.aborted
    }
    const failure = await runStep(parts, job)
    if (failure === undefined) continue
    if (failure.error instanceof LeadLost) await store.keyJobs.release(job.id, leaderId)
    // Whoever leads no more has nothing to say: its failure came of the other's success.
    else if (await pause(parts, job, failure.error)) onPause(job, failure.error)
    return false
  }
}

async function runStep(parts: LeaderParts, job: KeyJobRow): Promise<{ error: unknown } | undefined> {
  const { store, leaderId, leaseSeconds } = parts
  const step = steps[job.phase]
  if (step === undefined) throw new TypeError(`key job ${job.id} has no step for ${job.phase}`)
  // A job that is cancelled, or led by another, must not wait for the end of a long pause.
  const over = new AbortController()
  const renewal = setInterval(
    () => {
      store.keyJobs.lease(job.id, leaderId, leaseSeconds).then(
        (renewed) => {
          if (renewed?.phase !== job.phase) over.abort()
        },
        // A lease that can't be renewed is found lost by the step's own transaction.
        () => undefined,
      )
    },
    (leaseSeconds * 1_000) / 3,
  )
  try {
    await step({ ...parts, signal: AbortSignal.any([parts.signal, over.signal]) }, job)
    return undefined
  } catch (error) {
    return { error }
  } finally {
    clearInterval(renewal)
  }
}

/** Answers whether this run still led the job. */
async function pause({ store, leaderId }: LeaderParts, job: KeyJobRow, error: unknown): Promise<boolean> {
  const { code, message } = explain(error)
  const lastError = { code, message, at: new Date().toISOString() }
  const seconds = retrySeconds(job, code)
  // What ended the step may have cut the next connection too; without this word the job waits for the end of its lease.
  for (let attempt = 1; ; attempt++) {
    try {
      return await store.keyJobs.pause(job.id, leaderId, lastError, seconds)
    } catch (failure) {
      if (attempt === pauseAttempts || !isDatabaseUnavailable(failure)) throw failure
      await setTimeout(pauseAgainMs * 2 ** attempt)
    }
  }
}

function retrySeconds({ retryCount }: KeyJobRow, code: ErrorCode): number {
  if (code === 'ERR_MIGRATION_FAILURES_OPEN') return openFailuresRetrySeconds
  const seconds = Math.min(maxRetrySeconds, firstRetrySeconds * 2 ** retryCount)
  return seconds * (1 + jitterShare * Math.random())
}

// What a tenant's admin may read: causes of ours in full, anything else by its code alone.
function explain(error: unknown): { code: ErrorCode; message: string } {
  if (isKeyholdError(error)) return { code: error.code, message: error.message }
  const known = new KeyholdError(isDatabaseUnavailable(error) ? 'ERR_DATABASE_UNAVAILABLE' : 'ERR_INTERNAL')
  return { code: known.code, message: known.message }
}
