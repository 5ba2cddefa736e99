// How fast a key job goes, from what is seen of it in the last half minute: a pause long ago does not count.
import type { KeyJob } from '@keyhold/client'

export interface Pace {
  /** Undefined until two looks can be compared. */
  keysPerSecond: number | undefined
  /** Until the end of the present phase. */
  secondsLeft: number | undefined
}

const windowMs = 30_000
const minMs = 1_000

export function createKeyJobPace(): (job: KeyJob, nowMs: number) => Pace {
  let phase: KeyJob['phase'] | undefined
  let seen: { atMs: number; count: number }[] = []
  return (job, nowMs) => {
    const { total, copied, verified } = job.cipherkeys
    const count = job.phase === 'verify' ? verified : copied
    const before = seen.at(-1)
    if (phase !== job.phase || (before !== undefined && count < before.count)) seen = []
    phase = job.phase
    seen.push({ atMs: nowMs, count })
    seen = seen.filter(({ atMs }) => nowMs - atMs <= windowMs)
    const [first] = seen
    const ms = first === undefined ? 0 : nowMs - first.atMs
    const done = first === undefined ? 0 : count - first.count
    if (ms < minMs || done <= 0) return { keysPerSecond: undefined, secondsLeft: undefined }
    const keysPerSecond = (done * 1_000) / ms
    return { keysPerSecond, secondsLeft: Math.max(0, total - count) / keysPerSecond }
  }
}
