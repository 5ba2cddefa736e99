// Watches whether the machine stood still: a bound that is broken while this process did not run says little about
// Keyhold.
const everyMs = 50
const keptForMs = 600_000

export interface StallWatch {
  /** The longest time for which this process did not run, between the two monotonic times. */
  longestBetween(startMs: number, endMs: number): number
  stop(): void
}

export function startStallWatch(): StallWatch {
  const stalls: { atMs: number; lateMs: number }[] = []
  let dueMs = performance.now() + everyMs
  const timer = setInterval(() => {
    const nowMs = performance.now()
    const lateMs = nowMs - dueMs
    dueMs = nowMs + everyMs
    if (lateMs > everyMs) stalls.push({ atMs: nowMs, lateMs })
    while (stalls[0] !== undefined && stalls[0].atMs < nowMs - keptForMs) stalls.shift()
  }, everyMs)
  return {
    longestBetween: (startMs, endMs) =>
      stalls.reduce(
        (most, { atMs, lateMs }) =>
          atMs >= startMs && atMs - lateMs <= endMs ? Math.max(most, lateMs) : most,
        0,
      ),
    stop() {
      clearInterval(timer)
    },
  }
}
