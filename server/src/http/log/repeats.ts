// Tells once of something that happens again and again, and then counts it: a database that is away fails thousands of requests a second.

export interface Repeats<Facts> {
  /** Whether the same did not happen within the last seconds. If it did, it is counted. */
  isFirst(key: string, facts: Facts): boolean
  /** Tells at once of all that is still being counted. */
  flush(): void
}

const windowMs = 10_000
// Beyond it, what is new counts as one.
const maxKeys = 500
const allOthers = ''

/** @param onRepeated - hears after some seconds how often the same happened again, if it did */
export function createRepeats<Facts>(onRepeated: (facts: Facts, times: number) => void): Repeats<Facts> {
  const counted = new Map<string, { facts: Facts; times: number; timer: NodeJS.Timeout }>()

  function tell(key: string): void {
    const one = counted.get(key)
    if (one === undefined) return
    clearTimeout(one.timer)
    counted.delete(key)
    if (one.times > 0) onRepeated(one.facts, one.times)
  }

  return {
    isFirst(wanted, facts) {
      const key = counted.has(wanted) || counted.size < maxKeys ? wanted : allOthers
      const before = counted.get(key)
      if (before !== undefined) {
        before.times++
        return false
      }
      const timer = setTimeout(() => {
        tell(key)
      }, windowMs).unref()
      counted.set(key, { facts, times: 0, timer })
      return true
    },
    flush() {
      for (const key of counted.keys()) tell(key)
    },
  }
}
