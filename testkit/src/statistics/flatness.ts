// Whether a value stays flat over a long run, as memory should: the last third beside the first.
import { median } from './median.ts'

export interface Spread {
  min: number
  median: number
  max: number
}

export interface Flatness {
  first: Spread
  last: Spread
  /** The last third's median, or minimum, divided by the first third's. */
  growth: number
  isFlat: boolean
}

// A heap moves by this much before the garbage collector comes to it; a leak goes on.
const maxGrowth = 1.2

/**
 * Undefined for less than six values, whose thirds would say nothing.
 *
 * @param values - one for each equal step of time, without the time of warming up
 * @param by - the minimum for values that garbage collection lowers: it is what a collection leaves
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
