// The routes of usage: the calls to AWS KMS.
import { limits } from '@keyhold/contract'
import { parseDayRange } from '../../providers/day-range.ts'
import { estimateKmsCost, formatUsd } from '../../providers/estimate-kms-cost.ts'
import type { KmsPayer } from '../../store/kms-usage.ts'
import type { Store } from '../../store/store.ts'
import type { Handlers } from '../server/handler.ts'

export interface UsageHandlerParts {
  store: Pick<Store, 'kmsUsage' | 'readSnapshot' | 'clock'>
  /** Writes the counts of this replica into the database. Other replicas do so every few seconds. */
  flushKmsUsage: () => Promise<void>
  /** The price of 10,000 requests in millionths of a dollar. */
  kmsMicroUsdPer10000: number
}

export function usageHandlers({
  store,
  flushKmsUsage,
  kmsMicroUsdPer10000,
}: UsageHandlerParts): Pick<Handlers, 'getKmsUsage' | 'getKmsUsageOfAll'> {
  function summary(rows: readonly { calls: number; requests: number; paidBy: KmsPayer }[]) {
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

  return {
    async getKmsUsage({ tenantId, query }) {
      const range = parseDayRange(query, store.clock.now())
      await flushKmsUsage()
      const rows = await store.kmsUsage.listOfTenant(tenantId, range)
      const shown = rows.map(({ tenantId: _, ...row }) => row)
      return { status: 200, body: { ...range, ...summary(rows), rows: shown } }
    },

    async getKmsUsageOfAll({ query }) {
      const range = parseDayRange(query, store.clock.now())
      await flushKmsUsage()
      const limit = query.limit === undefined ? limits.defaultUsageTenants : Number(query.limit)
      const { rows, tenants } = await store.readSnapshot(async ({ kmsUsage }) => ({
        rows: await kmsUsage.listOfAll(range),
        tenants: await kmsUsage.listTenants(range, limit + 1),
      }))
      const shown = tenants.slice(0, limit).map(({ paidRequests, ...tenant }) => ({
        ...tenant,
        estimatedUsd: estimateKmsCost(paidRequests, kmsMicroUsdPer10000),
      }))
      const moreTenants = tenants.length > limit
      return { status: 200, body: { ...range, ...summary(rows), rows, tenants: shown, moreTenants } }
    },
  }
}
