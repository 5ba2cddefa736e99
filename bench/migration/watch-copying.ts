// What copying cipherkeys does to the process in which it runs: its memory over time, and how long its event loop is
// held at a time.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { median } from '../median.ts'
import type { CopyListener } from './timed-keyhold.ts'

export interface CopyFigures {
  beforeMebibytes: number
  peakMebibytes: number
  /** Medians of the first and of the last fifth of the time of copying. */
  firstFifthMebibytes: number
  lastFifthMebibytes: number
  /** Nine hundred and ninety-nine of a thousand turns of the event loop took no longer. */
  longHoldMs: number
  longestHoldMs: number
}

const lookMs = 50
const resolutionMs = 1
const mebibyte = 1_048_576
const nanosecondsPerMs = 1e6

/** Looks at this process from when copying begins until it has ended. */
export function watchCopying(): CopyListener & { figures(): CopyFigures } {
  const beforeMebibytes = residentMebibytes()
  const looks: number[] = []
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  let timer: NodeJS.Timeout | undefined
  const look = () => looks.push(residentMebibytes())
  return {
    begun() {
      look()
      timer = setInterval(look, lookMs)
      delay.enable()
    },
    ended() {
      delay.disable()
      clearInterval(timer)
      look()
    },
    figures: () => ({
      beforeMebibytes,
      peakMebibytes: Math.max(...looks),
      firstFifthMebibytes: median(looks.slice(0, Math.ceil(looks.length / 5))),
      lastFifthMebibytes: median(looks.slice(Math.floor((looks.length * 4) / 5))),
      // The histogram counts from tick to tick of its own timer, which is a hold of nothing.
      longHoldMs: Math.max(0, delay.percentile(99.9) / nanosecondsPerMs - resolutionMs),
      longestHoldMs: Math.max(0, delay.max / nanosecondsPerMs - resolutionMs),
    }),
  }
}

function residentMebibytes(): number {
  return process.memoryUsage.rss() / mebibyte
}
