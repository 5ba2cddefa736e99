// The routes that plan a migration and show the usage of a key provider.
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
  return {
    async planMigration({ tenantId, params }) {
      return {
        status: 200,
        body: migrationPlanWire(tenantId, await planMigration(tenantId, params.arnFingerPrint)),
      }
    },

    async getKeyProviderUsage({ tenantId, params }) {
      const usage = await getKeyProviderUsage(store, tenantId, params.arnFingerPrint)
      return { status: 200, body: keyProviderUsageWire(usage) }
    },
  }
}
