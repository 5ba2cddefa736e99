// Judges one trial: how long each replica went on, how soon it came back, and everything that must not be.
import type { Reply } from './watched-traffic.ts'

export interface TrialTimes {
  /** When the customer began to take the key away. */
  takenMs: number
  /** The start of the bound; undefined: nothing may close. */
  refusedMs: number | undefined
  /** When the customer began to give the key back. */
  returnedMs: number
}

export interface TrialRules {
  boundMs: number
  recoveryBoundMs: number
  /** The answers that are allowed besides 200, as `status code`. */
  answers: readonly string[]
}

export interface ReplicaFigures {
  replica: string
  /** From the refusal to the last value that was still decrypted; 0: none was. */
  closedMs: number
  /** The same from the moment when the key was taken away. */
  closedFromTakingMs: number
  /** From the refusal to the end of the last lease. */
  leaseEndMs: number
  /** From the moment when the key was given back until everything is answered again, for good. */
  openedMs: number
}

export interface TrialVerdict {
  replicas: ReplicaFigures[]
  /** How often each refusal came. */
  answers: Record<string, number>
  violations: string[]
}

const kinds = ['decrypt', 'encrypt', 'lease'] as const

export function judgeTrial(
  replies: readonly Reply[],
  { takenMs, refusedMs, returnedMs }: TrialTimes,
  { boundMs, recoveryBoundMs, answers: allowed }: TrialRules,
): TrialVerdict {
  const verdict: TrialVerdict = { replicas: [], answers: {}, violations: [] }
  for (const { answer, replica, kind } of replies) {
    if (answer === '200') continue
    verdict.answers[answer] = (verdict.answers[answer] ?? 0) + 1
    if (!allowed.includes(answer)) verdict.violations.push(`${kind} on ${replica} was answered ${answer}`)
  }
  if (refusedMs === undefined) return verdict
  for (const replica of new Set(replies.map((reply) => reply.replica))) {
    const its = replies.filter((reply) => reply.replica === replica)
    // A reply that came before the key was given back was made while it was away.
    const taken = its.filter(({ doneMs }) => doneMs > takenMs && doneMs <= returnedMs)
    const open = taken.filter(({ answer }) => answer === '200')
    for (const { kind, doneMs } of open) {
      if (doneMs > refusedMs + boundMs)
        verdict.violations.push(
          `${kind} on ${replica} succeeded ${seconds(doneMs - refusedMs)} after the refusal`,
        )
    }
    const leaseEndMs = latest(open.map((reply) => reply.leaseEndMs ?? 0))
    if (leaseEndMs > refusedMs + boundMs)
      verdict.violations.push(
        `a lease of ${replica} ends ${seconds(leaseEndMs - refusedMs)} after the refusal`,
      )
    for (const kind of kinds) {
      if (!taken.some((reply) => reply.kind === kind && reply.answer !== '200'))
        verdict.violations.push(`no ${kind} on ${replica} was refused`)
    }
    const lastMs = latest(open.filter(({ kind }) => kind === 'decrypt').map(({ doneMs }) => doneMs))
    const openedMs = Math.max(...kinds.map((kind) => openedAt(its, kind, returnedMs))) - returnedMs
    if (openedMs > recoveryBoundMs)
      verdict.violations.push(
        `${replica} was not open again ${seconds(recoveryBoundMs)} after the giving back`,
      )
    verdict.replicas.push({
      replica,
      closedMs: Math.max(0, lastMs - refusedMs),
      closedFromTakingMs: Math.max(0, lastMs - takenMs),
      leaseEndMs: Math.max(0, leaseEndMs - refusedMs),
      openedMs,
    })
  }
  return verdict
}

/** The time of the first success after the last refusal; infinite when there is none. */
function openedAt(replies: readonly Reply[], kind: Reply['kind'], returnedMs: number): number {
  const after = replies.filter((reply) => reply.kind === kind && reply.doneMs > returnedMs)
  const lastRefusal = after.findLastIndex(({ answer }) => answer !== '200')
  return after[lastRefusal + 1]?.doneMs ?? Number.POSITIVE_INFINITY
}

/** Whether the last reply of every kind on every replica is a success, to a request since `sinceMs`. */
export function isOpenSince(
  replies: readonly Reply[],
  replicas: readonly string[],
  sinceMs: number,
): boolean {
  return replicas.every((replica) =>
    kinds.every((kind) => {
      const last = replies.findLast((reply) => reply.replica === replica && reply.kind === kind)
      return last?.answer === '200' && last.sentMs >= sinceMs
    }),
  )
}

function latest(times: number[]): number {
  return Math.max(0, ...times)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`
}
