// Estimates the cost of calls to AWS KMS from their number, in whole millionths of a dollar.

const requestsPerPrice = 10_000n
const microsPerDollar = 1_000_000n

/** From millionths of a dollar to dollars with all six decimals. */
export function formatUsd(micros: bigint): string {
  return `${micros / microsPerDollar}.${String(micros % microsPerDollar).padStart(6, '0')}`
}

/**
 * In dollars with six decimals, rounded to the nearest millionth.
 *
 * @param microUsdPer10000 - the price of 10,000 requests in millionths of a dollar
 */
export function estimateKmsCost(requests: number, microUsdPer10000: number): string {
  const exact = BigInt(requests) * BigInt(microUsdPer10000)
  return formatUsd((exact + requestsPerPrice / 2n) / requestsPerPrice)
}
