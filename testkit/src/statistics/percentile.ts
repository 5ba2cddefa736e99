// Percentiles by the nearest rank: each one is a value that was measured, never one in between.

/** @param share - 0.99 for p99 */
export function percentile(values: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`"share" expected above 0 up to 1, got ${share}`)
  const sorted = Float64Array.from(values).sort()
  const value = sorted[Math.ceil(share * sorted.length) - 1]
  if (value === undefined) throw new RangeError('"values" expected at least one')
  return value
}
