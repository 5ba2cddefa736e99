// Tells at once when requests of the data plane arrive, and after a while that none do any more: by this the threads of key jobs get their
// priority. It is quicker than the gauge, which measures, and says nothing about durations.

export interface TrafficWatch {
  /** Call it for every reply of the data plane. */
  observe(): void
  close(): void
}

export interface TrafficWatchOptions {
  /** Monotonic, in milliseconds. */
  clock: () => number
  /** Hears of each change. At the beginning there is no traffic. */
  onChange: (isTraffic: boolean) => void
}

// As for the gauge: so few requests are disturbed by nothing.
const windowMs = 500
const quietPerWindow = 3
/** Without traffic for so long the threads may have the processors. Else each pause between two requests would change their priority. */
export const quietMs = 2_000
const lookMs = 500

export function createTrafficWatch({ clock, onChange }: TrafficWatchOptions): TrafficWatch {
  /** When the last replies came, the oldest first: one more than are quiet. */
  const lastMs: number[] = []
  let busyMs = Number.NEGATIVE_INFINITY
  let looks: NodeJS.Timeout | undefined

  function look(): void {
    if (clock() - busyMs < quietMs) return
    clearInterval(looks)
    looks = undefined
    onChange(false)
  }

  return {
    observe() {
      const nowMs = clock()
      lastMs.push(nowMs)
      if (lastMs.length <= quietPerWindow) return
      const firstMs = lastMs.shift() ?? 0
      if (nowMs - firstMs > windowMs) return
      busyMs = nowMs
      if (looks !== undefined) return
      looks = setInterval(look, lookMs).unref()
      onChange(true)
    },
    close() {
      clearInterval(looks)
    },
  }
}
