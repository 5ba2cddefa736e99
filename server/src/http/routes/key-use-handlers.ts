// The routes that plan a migration and show the usage of a key provider. Both read all of a tenant's keys, so each tenant
// has one of each under way at a time.
import { oneAtATime } from '../../event-loop/one-at-a-time.ts'
import type { MigrationPlan } from '../../migration/plan-migration.ts'
import { getKeyProviderUsage } from '../../providers/key-provider-usage.ts'
import type { Store } from '../../store/store.ts'
import type { Handlers } from '../server/handler.ts'
import { keyProviderUsageWire, migrationPlanWire } from '../wire/key-use-wire.ts'

export interface KeyUseHandlerParts {
  store: Store
  planMigration: (tenantId: string, targetFingerprint: string) => Promise<MigrationPlan>
}

export function keyUseHandlers({
  store,
  planMigration,
}: KeyUseHandlerParts): Pick<Handlers, 'planMigration' | 'getKeyProviderUsage'> {
  const plan = oneAtATime(planMigration)
  const usageOf = oneAtATime((tenantId, fingerprint) => getKeyProviderUsage(store, tenantId, fingerprint))
  return {
    async planMigration({ tenantId, params }) {
      return {
        status: 200,
        body: migrationPlanWire(tenantId, await plan(tenantId, params.arnFingerPrint)),
      }
    },

    async getKeyProviderUsage({ tenantId, params }) {
      return { status: 200, body: keyProviderUsageWire(await usageOf(tenantId, params.arnFingerPrint)) }
    },
  }
}
