// Whether something stays where it is over a long run, as memory should: the last third beside the first.
import { median } from '../../../testkit/src/statistics/median.ts'

export interface Spread {
  min: number
  median: number
  max: number
}

export interface Flatness {
  first: Spread
  last: Spread
  /** The last third's median, or minimum, for each one of the first third. */
  growth: number
  isFlat: boolean
}

// A heap that the garbage collector has not yet got round to moves by this much; a leak goes on.
const maxGrowth = 1.2

/**
 * @param values - one for each equal step of time, the time of warming up left out; undefined is answered for less
 *   than six, which have no thirds worth the name
 * @param by - the minimum for what garbage collection takes away again: it is what is left after one
 */
export function flatnessOf(values: readonly number[], by: 'median' | 'min' = 'median'): Flatness | undefined {
  if (values.length < 6) return undefined
  const third = Math.floor(values.length / 3)
  const first = spreadOf(values.slice(0, third))
  const last = spreadOf(values.slice(-third))
  const growth = last[by] / first[by]
  return { first, last, growth, isFlat: growth <= maxGrowth }
}

function spreadOf(values: number[]): Spread {
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) }
}
