// The sum of calls to AWS KMS, and what they cost, as the wire shows them.
import { estimateKmsCost, formatUsd } from '../../providers/estimate-kms-cost.ts'
import type { KmsPayer } from '../../store/kms-usage.ts'

/** @param kmsMicroUsdPer10000 - the price of 10,000 requests in millionths of a dollar */
export function kmsUsageSummaryWire(
  rows: readonly { calls: number; requests: number; paidBy: KmsPayer }[],
  kmsMicroUsdPer10000: number,
) {
  const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0)
  const paid = rows.filter(({ paidBy }) => paidBy === 'keyhold')
  return {
    calls: sum(rows.map(({ calls }) => calls)),
    requests: sum(rows.map(({ requests }) => requests)),
    estimatedCost: {
      usd: estimateKmsCost(sum(paid.map(({ requests }) => requests)), kmsMicroUsdPer10000),
      usdPer10000Requests: formatUsd(BigInt(kmsMicroUsdPer10000)),
    },
  }
}
