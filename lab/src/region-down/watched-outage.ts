// The figures of one kind of tenants in one phase of the run.
import { percentile } from '../../../testkit/src/statistics/percentile.ts'
import type { Reply } from '../revocation/watched-traffic.ts'

export interface Phase {
  name: string
  startMs: number
  endMs: number
}

export interface PhaseFigures {
  requests: number
  decryptions: number
  /** Requests that were not answered 200. */
  failed: number
  /** The decryptions among them. */
  failedDecryptions: number
  answers: Record<string, number>
  /** How long decryptions took, with any answer, in milliseconds. */
  p50Ms: number | undefined
  p99Ms: number | undefined
  maxMs: number | undefined
  /** Seconds from the beginning of the phase to the first and the last reply other than 200. */
  firstFailedAfter: number | undefined
  lastFailedAfter: number | undefined
}

export function figuresOf(replies: readonly Reply[], { startMs, endMs }: Phase): PhaseFigures {
  const its = replies.filter(({ doneMs }) => doneMs >= startMs && doneMs < endMs)
  const decryptions = its.filter(({ kind }) => kind === 'decrypt')
  const failed = its.filter(({ answer }) => answer !== '200')
  const answers: Record<string, number> = {}
  for (const { answer } of failed) answers[answer] = (answers[answer] ?? 0) + 1
  const tookMs = decryptions.map(({ sentMs, doneMs }) => doneMs - sentMs)
  const at = (share: number) =>
    tookMs.length === 0 ? undefined : Math.round(percentile(tookMs, share) * 10) / 10
  const after = (reply: Reply | undefined) => reply && Math.round((reply.doneMs - startMs) / 100) / 10
  return {
    requests: its.length,
    decryptions: decryptions.length,
    failed: failed.length,
    failedDecryptions: decryptions.filter(({ answer }) => answer !== '200').length,
    answers,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    firstFailedAfter: after(failed[0]),
    lastFailedAfter: after(failed.at(-1)),
  }
}
