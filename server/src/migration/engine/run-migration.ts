// Leads one key job, phase after phase. Each phase may be killed at any point and may run twice. The lead keeps others
// from doing the same work; epochs and compare-and-set keep them from doing harm.
import { isKeyholdError, KeyholdError, type ErrorCode } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { isDatabaseUnavailable } from '../../store/database.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { abort } from '../phases/abort.ts'
import { copy } from '../phases/copy.ts'
import { cutover } from '../phases/cutover.ts'
import { dual } from '../phases/dual.ts'
import { LeadLost, type LeaderParts, type MigrationParts } from './migration-parts.ts'
import { prepare } from '../phases/prepare.ts'
import { createStint } from './stint.ts'
import { verify } from '../phases/verify.ts'

// The pause between two tries doubles each time, with jitter so that the key jobs of one lost KEK do not come all at
// once.
const firstRetrySeconds = 1
const maxRetrySeconds = 60
const jitterShare = 0.2
// Open failures wait for a repair, for access to a KEK that comes back, or for an operator. They are tried more often than
// the rest, since nothing else tells of the former two.
const maxOpenFailuresRetrySeconds = 30
const pauseAttempts = 5
const pauseAgainMs = 50

const steps: Readonly<Record<string, (parts: LeaderParts, job: LedKeyJob) => Promise<void>>> = {
  prepare,
  dual,
  copy,
  verify,
  cutover,
  aborting: abort,
}

export interface RunMigrationOptions {
  /** When it aborts, the run gives up the lead after the current step. */
  signal: AbortSignal
  /** Receives the reason for which a key job pauses. */
  onPause: (job: PausedKeyJob, error: unknown) => void
}

/** The known facts of a key job that pauses: of one that Keyhold did not write so, its id. */
export type PausedKeyJob = Pick<LedKeyJob, 'id' | 'retryCount'> &
  Partial<Pick<LedKeyJob, 'tenantId' | 'phase'>>

/**
 * Leads a key job until it ends, pauses, or has another leader. Returns at once where another run leads. Answers
 * whether it has given way to other key jobs: then the job waits for a leader again.
 */
export async function runMigration(
  migrationParts: MigrationParts,
  keyJobId: string,
  { signal, onPause }: RunMigrationOptions,
): Promise<boolean> {
  const stint = createStint(migrationParts.store)
  // The id belongs to this run alone. A second run in the same process is another leader, like one elsewhere.
  const parts: LeaderParts = { ...migrationParts, leaderId: randomUUID(), signal, stint }
  const { store, leaderId } = parts
  for (;;) {
    const taken = await takeLead(parts, keyJobId)
    if (taken === undefined) return false
    if ('error' in taken) {
      // Nobody knows how often that was tried.
      const unknown = { id: keyJobId, retryCount: Number.POSITIVE_INFINITY }
      if (await pause(parts, unknown, taken.error)) onPause(unknown, taken.error)
      return false
    }
    const { job } = taken
    if (signal.aborted || stint.isOver) {
      await store.keyJobs.giveUpLead(job.id, leaderId)
      return !signal.aborted
    }
    const failure = await runStep(parts, job)
    if (failure === undefined) continue
    if (failure.error instanceof LeadLost) await store.keyJobs.giveUpLead(job.id, leaderId)
    // A run that no longer leads reports nothing: its failure came from the other's success.
    else if (await pause(parts, job, failure.error)) onPause(job, failure.error)
    return false
  }
}

/** `error`: the key job is not as Keyhold wrote it. Undefined: there is nothing to lead. */
async function takeLead(
  { store, leaderId, leadSeconds }: LeaderParts,
  keyJobId: string,
): Promise<{ job: LedKeyJob } | { error: KeyholdError } | undefined> {
  try {
    const job = await store.keyJobs.takeLead(keyJobId, leaderId, leadSeconds)
    return job && { job }
  } catch (error) {
    if (isKeyholdError(error, 'ERR_RECORD_NOT_AUTHENTIC')) return { error }
    // Another replica may know its keys.
    if (isKeyholdError(error)) await store.keyJobs.giveUpLead(keyJobId, leaderId)
    throw error
  }
}

async function runStep(parts: LeaderParts, job: LedKeyJob): Promise<{ error: unknown } | undefined> {
  const { store, leaderId, leadSeconds } = parts
  const step = steps[job.phase]
  if (step === undefined) throw new TypeError(`key job ${job.id} has no step for ${job.phase}`)
  // A job that is cancelled, or led by another, must not wait for the end of a long pause.
  const over = new AbortController()
  const renewal = setInterval(
    () => {
      store.keyJobs.takeLead(job.id, leaderId, leadSeconds).then(
        (renewed) => {
          if (renewed?.phase !== job.phase) over.abort()
        },
        (error: unknown) => {
          if (isKeyholdError(error, 'ERR_RECORD_NOT_AUTHENTIC')) over.abort()
          // If the lead cannot be renewed otherwise, the step's own transaction finds out that it is lost.
        },
      )
    },
    (leadSeconds * 1_000) / 3,
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
async function pause({ store, leaderId }: LeaderParts, job: PausedKeyJob, error: unknown): Promise<boolean> {
  const { code, message } = explain(error)
  const lastError = { code, message, at: store.clock.now().toISOString() }
  const seconds = retrySeconds(job, code)
  // The fault that ended the step may have cut the next connection too. Without this write the job waits until its
  // lead ends.
  for (let attempt = 1; ; attempt++) {
    try {
      return await store.keyJobs.pause(job.id, leaderId, lastError, seconds)
    } catch (failure) {
      if (attempt === pauseAttempts || !isDatabaseUnavailable(failure)) throw failure
      await setTimeout(pauseAgainMs * 2 ** attempt)
    }
  }
}

function retrySeconds({ retryCount }: PausedKeyJob, code: ErrorCode): number {
  const maxSeconds = code === 'ERR_MIGRATION_FAILURES_OPEN' ? maxOpenFailuresRetrySeconds : maxRetrySeconds
  const seconds = Math.min(maxSeconds, firstRetrySeconds * 2 ** retryCount)
  return seconds * (1 + jitterShare * Math.random())
}

// A tenant's admin may read our own errors in full, and any other error by its code alone. Those about the database name its hosts,
// which are the operator's business.
function explain(error: unknown): { code: ErrorCode; message: string } {
  const isAway = isDatabaseUnavailable(error)
  if (isKeyholdError(error) && !isAway) return { code: error.code, message: error.message }
  const known = new KeyholdError(isAway ? 'ERR_DATABASE_UNAVAILABLE' : 'ERR_INTERNAL')
  return { code: known.code, message: known.message }
}
