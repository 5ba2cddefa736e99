// The budget of a replica's key jobs: a number of rows a second, a share of the time, and less of both as soon as the
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
  /** Waits. Rejects when the signal aborts. */
  wait?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}

/** Permission for one chunk. */
export interface Turn {
  /** The most rows that the chunk may have. */
  rows: number
  /** Call it when the chunk is done, with its number of rows. The turns after it pay for its time. */
  done(rows: number): void
}

export interface Pacer {
  /** Waits until the next chunk of any job may begin; undefined as soon as the signal aborts. */
  turn(signal: AbortSignal): Promise<Turn | undefined>
  /**
   * The most chunks of one job that may be at work at once. With 1, a turn is asked for when the last chunk is done.
   */
  depth(): number
}

const chunkRows = 1_000
// Beside traffic, chunks are short and come one at a time, so that no request waits long for a processor. With 100
// rows the p99 of requests is higher; with 25 the pace is a quarter lower.
const yieldingRows = 50
const minSharePercent = 2
const startSharePercent = 20
const maxYieldingSharePercent = 50
const growPercent = 1
const shrinkFactor = 0.5
const adjustMs = 500
// Giving way protects latencies. It must not bring a key job to a standstill on a machine that is always busy.
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
  // The times until which the chunks so far have used up their rows and their share of the time.
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
    // The waiter is gone. Those behind it wait on, each for itself.
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
      // Jobs take turns one after the other, since all of them share one budget.
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
