// Looks every few seconds for what has fallen due. The next sweep begins after the last one has ended, however long that
// took. Each part is caught by itself: one that fails is left alone for a while, and the others go on.
import { createFailurePauses } from '../event-loop/failure-pauses.ts'

/** One kind of work, such as destructions. */
export interface SweepPart {
  name: string
  /** The shortest time between two runs. Default: with every sweep. */
  everyMs?: number
  run: () => Promise<unknown>
}

export interface SweeperOptions {
  parts: readonly SweepPart[]
  /** Between the end of one sweep and the beginning of the next. */
  pauseMs: number
  /** Receives why a part failed. */
  onError: (part: string, error: unknown) => void
  /** Monotonic milliseconds. Default: the process's own. */
  clock?: () => number
}

export interface Sweeper {
  /** Runs one whole sweep that begins after this call. Callers that wait for the same one share it. */
  sweep(): Promise<void>
  /** Begins no further part, and waits for the one that runs. */
  stop(): Promise<void>
}

const maxPauseMs = 60_000

/** Starts the first sweep at once. */
export function startSweeper({
  parts,
  pauseMs,
  onError,
  clock = () => performance.now(),
}: SweeperOptions): Sweeper {
  const pauses = createFailurePauses({ firstMs: pauseMs, maxMs: maxPauseMs, clock })
  const lastRunMs = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  let running: Promise<void> | undefined
  let following: Promise<void> | undefined

  async function runPart({ name, everyMs = 0, run }: SweepPart): Promise<void> {
    if (pauses.isPaused(name)) return
    if (clock() - (lastRunMs.get(name) ?? Number.NEGATIVE_INFINITY) < everyMs) return
    lastRunMs.set(name, clock())
    try {
      await run()
      pauses.succeeded(name)
    } catch (error) {
      pauses.failed(name)
      onError(name, error)
    }
  }

  async function runAll(): Promise<void> {
    for (const part of parts) {
      // A stop may come at any moment.
      if (isStopped) return
      await runPart(part)
    }
  }

  function begin(): Promise<void> {
    clearTimeout(timer)
    running = runAll().finally(() => {
      running = undefined
      if (!isStopped && following === undefined) timer = setTimeout(() => void begin(), pauseMs)
    })
    return running
  }

  function sweep(): Promise<void> {
    if (isStopped) return Promise.resolve()
    if (running === undefined) return begin()
    // The running sweep may have looked before the caller's work fell due.
    following ??= running.then(() => {
      following = undefined
      return isStopped ? undefined : begin()
    })
    return following
  }

  void begin()
  return {
    sweep,
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await running
    },
  }
}
