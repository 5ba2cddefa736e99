// The budget of a replica's key jobs: so many rows a second, such a share of the time, and less of it as soon as the
// data plane feels it.
import { setTimeout } from 'node:timers/promises'
import type { TrafficGauge } from './traffic-gauge.ts'

export interface PacerOptions {
  /** 0: no limit. */
  maxRowsPerSecond: number
  /** 1 to 100. */
  timeSharePercent: number
  /** Whether to give way to traffic. */
  yields: boolean
  threads: number
  gauge: TrafficGauge
  clock: () => number
}

export interface Pacer {
  /** Waits until the next chunk may begin, and answers how many rows it may have. */
  turn(): Promise<number>
  /** How many chunks may be at work at once. */
  depth(): number
  /** To be told of rows that are done. */
  done(rows: number): void
}

const chunkRows = 1_000
// Beside traffic: short chunks, one at a time, so that nobody waits long for a processor.
const yieldingRows = 100
const minSharePercent = 2
const startSharePercent = 20
const maxYieldingSharePercent = 50
const growPercent = 1
const shrinkFactor = 0.5
const adjustMs = 500
const workMs = 10
const maxPauseMs = 2_000
// A turn this long after the last one begins a new job.
const forgottenMs = 5_000

export function createPacer({
  maxRowsPerSecond,
  timeSharePercent,
  yields,
  threads,
  gauge,
  clock,
}: PacerOptions): Pacer {
  let yieldingShare = startSharePercent
  let adjustedMs = clock()
  let workingSinceMs = clock()
  let lastTurnMs = Number.NEGATIVE_INFINITY
  let rowsDueMs = 0
  let gate = Promise.resolve()

  function isBeside(): boolean {
    if (!yields) return false
    const isWorking = clock() - lastTurnMs < forgottenMs
    const traffic = gauge.read(isWorking)
    if (clock() - adjustedMs >= adjustMs) {
      adjustedMs = clock()
      yieldingShare =
        traffic === 'strained'
          ? Math.max(minSharePercent, yieldingShare * shrinkFactor)
          : Math.min(maxYieldingSharePercent, yieldingShare + growPercent)
    }
    return traffic !== 'none'
  }

  /** How long to pause before the next chunk. */
  function pauseMs(isYielding: boolean): number {
    const nowMs = clock()
    const share = Math.min(timeSharePercent, isYielding ? yieldingShare : 100)
    const workedMs = nowMs - workingSinceMs
    const forShareMs = share < 100 && workedMs >= workMs ? (workedMs * (100 - share)) / share : 0
    const forRowsMs = Math.max(0, rowsDueMs - nowMs)
    return Math.min(maxPauseMs, Math.max(forShareMs, forRowsMs))
  }

  async function pass(): Promise<number> {
    const isYielding = isBeside()
    if (clock() - lastTurnMs > forgottenMs) workingSinceMs = clock()
    const ms = pauseMs(isYielding)
    if (ms >= 1) {
      await setTimeout(ms)
      workingSinceMs = clock()
    }
    lastTurnMs = clock()
    const rows = isYielding ? yieldingRows : chunkRows
    return maxRowsPerSecond === 0 ? rows : Math.min(rows, Math.max(1, Math.ceil(maxRowsPerSecond / 4)))
  }

  return {
    async turn() {
      // One after the other: what is left of the budget is the same for all jobs.
      const passed = gate.then(pass)
      gate = passed.then(
        () => undefined,
        () => undefined,
      )
      return passed
    },
    depth: () => (yields && gauge.read(true) !== 'none' ? 1 : threads + 1),
    done(rows) {
      if (maxRowsPerSecond > 0) {
        rowsDueMs = Math.max(rowsDueMs, clock()) + (rows * 1_000) / maxRowsPerSecond
      }
    },
  }
}
