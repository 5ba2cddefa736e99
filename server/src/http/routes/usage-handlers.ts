// The routes of usage: the calls to AWS KMS.
import { limits } from '@keyhold/contract'
import { parseDayRange } from '../../providers/day-range.ts'
import { estimateKmsCost } from '../../providers/estimate-kms-cost.ts'
import type { Store } from '../../store/store.ts'
import { kmsUsageSummaryWire } from '../wire/kms-usage-wire.ts'
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
  const summary = (rows: Parameters<typeof kmsUsageSummaryWire>[0]) =>
    kmsUsageSummaryWire(rows, kmsMicroUsdPer10000)

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
