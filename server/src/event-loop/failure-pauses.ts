// Remembers what has failed lately, so that it is left alone for a while and costs the others no time. The pause is longer
// after each failure in a row.

export interface FailurePauses {
  /** Whether its last try failed, no matter how long ago. */
  hasFailed(name: string): boolean
  /** Whether it failed so lately that it must not be tried now. */
  isPaused(name: string): boolean
  failed(name: string): void
  succeeded(name: string): void
}

export interface FailurePausesOptions {
  /** The pause after the first failure. Each further one doubles it. */
  firstMs: number
  maxMs: number
  /** Monotonic milliseconds. Default: the process's own. */
  clock?: () => number
  /** How many names are remembered; the one that failed the longest ago is forgotten first. Default: 10,000. */
  maxNames?: number
}

const maxDoublings = 20

export function createFailurePauses({
  firstMs,
  maxMs,
  clock = () => performance.now(),
  maxNames = 10_000,
}: FailurePausesOptions): FailurePauses {
  const failures = new Map<string, { inARow: number; untilMs: number }>()
  return {
    hasFailed: (name) => failures.has(name),
    isPaused: (name) => clock() < (failures.get(name)?.untilMs ?? 0),
    failed(name) {
      const inARow = (failures.get(name)?.inARow ?? 0) + 1
      const pauseMs = Math.min(maxMs, firstMs * 2 ** Math.min(inARow - 1, maxDoublings))
      failures.delete(name)
      failures.set(name, { inARow, untilMs: clock() + pauseMs })
      for (const oldest of failures.keys()) {
        if (failures.size <= maxNames) return
        failures.delete(oldest)
      }
    },
    succeeded(name) {
      failures.delete(name)
    },
  }
}
