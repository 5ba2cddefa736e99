// Tells once of something that happens again and again, and then counts it: a database that is away fails thousands of requests a second.

export interface Repeats<Facts> {
  /** Whether the same did not happen within the last seconds. If it did, it is counted. */
  isFirst(key: string, facts: Facts): boolean
}

const windowMs = 10_000
// Beyond it, what is new counts as one.
const maxKeys = 500
const allOthers = ''

/** @param onRepeated - hears after some seconds how often the same happened again, if it did */
export function createRepeats<Facts>(onRepeated: (facts: Facts, times: number) => void): Repeats<Facts> {
  const times = new Map<string, number>()
  return {
    isFirst(wanted, facts) {
      const key = times.has(wanted) || times.size < maxKeys ? wanted : allOthers
      const before = times.get(key)
      if (before !== undefined) {
        times.set(key, before + 1)
        return false
      }
      times.set(key, 0)
      setTimeout(() => {
        const repeated = times.get(key) ?? 0
        times.delete(key)
        if (repeated > 0) onRepeated(facts, repeated)
      }, windowMs).unref()
      return true
    },
  }
}
