// Watches the process in which cipherkeys are copied: its memory over time, and how long its main thread works before it
// looks at requests again.
import { median } from '../../../../testkit/src/statistics/median.ts'
import { percentile } from '../../../../testkit/src/statistics/percentile.ts'
import type { CopyListener } from './start-timed-keyhold.ts'

export interface CopyFigures {
  beforeMebibytes: number
  peakMebibytes: number
  /** Resident memory: the medians of the first and of the last fifth of the copying. */
  firstFifthMebibytes: number
  lastFifthMebibytes: number
  /** The same of the memory in use, inside and outside the heap: the allocator may keep what is free. */
  firstFifthUsedMebibytes: number
  lastFifthUsedMebibytes: number
  /** How long the main thread computed between two turns of the event loop: 99.9 % took no longer. */
  workMs: number
  longestWorkMs: number
  /** How late timers came, 99.9 % of them no later: the work, and the wait for a processor. */
  delayMs: number
}

const turnMs = 1
const lookMs = 50
const share = 0.999
const mebibyte = 1_048_576

interface Look {
  residentMebibytes: number
  usedMebibytes: number
}

/** Watches this process from the begin to the end of the copying. */
export function watchCopying(): CopyListener & { figures(): CopyFigures } {
  const before = look()
  const looks: Look[] = []
  const workMs: number[] = []
  const delayMs: number[] = []
  const timers: NodeJS.Timeout[] = []
  let turn: (() => void) | undefined
  return {
    begun() {
      looks.push(look())
      let atMs = performance.now()
      let workedMs = threadMs()
      turn = () => {
        const [nowMs, nowWorkedMs] = [performance.now(), threadMs()]
        workMs.push(nowWorkedMs - workedMs)
        delayMs.push(Math.max(0, nowMs - atMs - turnMs))
        atMs = nowMs
        workedMs = nowWorkedMs
      }
      timers.push(
        setInterval(turn, turnMs),
        setInterval(() => looks.push(look()), lookMs),
      )
    },
    ended() {
      for (const timer of timers) clearInterval(timer)
      looks.push(look())
      turn?.()
    },
    figures() {
      const firstFifth = looks.slice(0, Math.ceil(looks.length / 5))
      const lastFifth = looks.slice(Math.floor((looks.length * 4) / 5))
      return {
        beforeMebibytes: before.residentMebibytes,
        peakMebibytes: Math.max(...looks.map(resident)),
        firstFifthMebibytes: median(firstFifth.map(resident)),
        lastFifthMebibytes: median(lastFifth.map(resident)),
        firstFifthUsedMebibytes: median(firstFifth.map(used)),
        lastFifthUsedMebibytes: median(lastFifth.map(used)),
        workMs: percentile(workMs, share),
        longestWorkMs: percentile(workMs, 1),
        delayMs: percentile(delayMs, share),
      }
    },
  }
}

const resident = ({ residentMebibytes }: Look) => residentMebibytes
const used = ({ usedMebibytes }: Look) => usedMebibytes

function look(): Look {
  const { rss, heapUsed, external } = process.memoryUsage()
  return { residentMebibytes: rss / mebibyte, usedMebibytes: (heapUsed + external) / mebibyte }
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
