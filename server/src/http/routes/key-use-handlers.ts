// The routes that plan a migration and show the usage of a key provider. Both read all of a tenant's keys, so each tenant
// has one of each under way at a time.
import { KeyholdError } from '@keyhold/core'
import { oneAtATime } from '../../event-loop/one-at-a-time.ts'
import type { MigrationPlan } from '../../migration/plan-migration.ts'
import type { KeyProviderUsage } from '../../providers/key-provider-usage.ts'
import type { Handlers } from '../server/handler.ts'
import { keyProviderUsageWire, migrationPlanWire } from '../wire/key-use-wire.ts'

export interface KeyUseHandlerParts {
  planMigration: (tenantId: string, targetFingerprint: string) => Promise<MigrationPlan>
  getKeyProviderUsage: (tenantId: string, fingerprint: string) => Promise<KeyProviderUsage>
}

export function keyUseHandlers({
  planMigration,
  getKeyProviderUsage,
}: KeyUseHandlerParts): Pick<Handlers, 'planMigration' | 'getKeyProviderUsage'> {
  const busy = () => new KeyholdError('ERR_TENANT_BUSY')
  const plan = oneAtATime(planMigration, busy)
  const usageOf = oneAtATime(getKeyProviderUsage, busy)
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
