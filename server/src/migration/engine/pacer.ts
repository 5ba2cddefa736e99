// The budget of a replica's key jobs: so many rows a second, such a share of the time, and less of it as soon as the
// data plane feels it.
import { addAbortListener } from 'node:events'
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
  /** Waits; rejects when the signal aborts. */
  wait?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}

/** Leave for one chunk. */
export interface Turn {
  /** How many rows it may have. */
  rows: number
  /** To be told when it is done, and how many rows it had: what it has taken is paid for by the turns after it. */
  done(rows: number): void
}

export interface Pacer {
  /** Waits until the next chunk may begin, of whatever job; undefined as soon as the signal aborts. */
  turn(signal: AbortSignal): Promise<Turn | undefined>
  /** How many chunks of a job may be at work at once. With 1, a turn is asked for when the last chunk is done. */
  depth(): number
}

const chunkRows = 1_000
// Beside traffic: short chunks, one at a time, so that nobody waits long for a processor. With 100 the p99 of requests is
// higher, with 25 the pace is a quarter lower: docs/performance.md.
const yieldingRows = 50
const minSharePercent = 2
const startSharePercent = 20
const maxYieldingSharePercent = 50
const growPercent = 1
const shrinkFactor = 0.5
const adjustMs = 500
// Giving way is for the sake of latencies: it must not bring a key job to a standstill on a machine that is always busy.
const maxYieldMs = 2_000
// A turn this long after the last one begins a new job.
const forgottenMs = 5_000

export function createPacer({
  maxRowsPerSecond,
  timeSharePercent,
  yields,
  threads,
  gauge,
  clock,
  wait = (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }),
}: PacerOptions): Pacer {
  let yieldingShare = startSharePercent
  let adjustedMs = clock()
  let lastTurnMs = Number.NEGATIVE_INFINITY
  // Until when the chunks so far have used up their rows, and their share of the time.
  let rowsPaidMs = 0
  let sharePaidMs = 0
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

  function finish(isYielding: boolean, startedMs: number, rows: number): void {
    const nowMs = clock()
    const restMs = (share: number) => ((nowMs - startedMs) * (100 - share)) / share
    const yieldMs = isYielding ? Math.min(maxYieldMs, restMs(yieldingShare)) : 0
    sharePaidMs = Math.max(sharePaidMs, nowMs) + Math.max(restMs(timeSharePercent), yieldMs)
    if (maxRowsPerSecond > 0) rowsPaidMs = Math.max(rowsPaidMs, nowMs) + (rows * 1_000) / maxRowsPerSecond
  }

  async function pass(signal: AbortSignal): Promise<Turn | undefined> {
    if (signal.aborted) return undefined
    const isYielding = isBeside()
    const pauseMs = Math.max(rowsPaidMs, sharePaidMs) - clock()
    // Whoever waited is gone; those behind it wait on, each for itself.
    const isGone =
      pauseMs >= 1 &&
      (await wait(pauseMs, signal).then(
        () => false,
        () => true,
      ))
    if (isGone) return undefined
    const startedMs = clock()
    lastTurnMs = startedMs
    const rows = isYielding ? yieldingRows : chunkRows
    return {
      rows: maxRowsPerSecond === 0 ? rows : Math.min(rows, Math.max(1, Math.ceil(maxRowsPerSecond / 4))),
      done: (rowsDone) => {
        finish(isYielding, startedMs, rowsDone)
      },
    }
  }

  return {
    async turn(signal) {
      // One after the other: what is left of the budget is the same for all jobs.
      const passed = gate.then(() => pass(signal))
      gate = passed.then(
        () => undefined,
        () => undefined,
      )
      return untilAborted(passed, signal)
    },
    depth: () => (timeSharePercent < 100 || (yields && gauge.read(true) !== 'none') ? 1 : threads + 1),
  }
}

async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>()
  const listener = addAbortListener(signal, () => {
    resolve(undefined)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    listener[Symbol.dispose]()
  }
}
