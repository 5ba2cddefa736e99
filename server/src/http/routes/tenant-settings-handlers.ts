// The routes of a tenant's settings.
import type { TenantSettings as SettingsBody } from '@keyhold/contract'
import {
  changeTenantSettings,
  getTenantSettings,
  type TenantSettings,
  type TenantSettingsParts,
} from '../../access/tenant-settings.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'

export function tenantSettingsHandlers(
  parts: TenantSettingsParts,
): Pick<Handlers, 'getTenantSettings' | 'changeTenantSettings'> {
  const wire = (tenantId: string, settings: TenantSettings): SettingsBody => ({
    tenantId,
    keyCacheTtlSeconds: settings.keyCacheTtlSeconds ?? null,
    effective: { keyCacheTtlSeconds: settings.effectiveKeyCacheTtlSeconds },
    limits: { keyCacheTtlSeconds: parts.limits },
  })

  return {
    async getTenantSettings({ tenantId }) {
      return { status: 200, body: wire(tenantId, await getTenantSettings(parts, tenantId)) }
    },

    async changeTenantSettings(call) {
      const { tenantId, body } = call
      const seconds = body.keyCacheTtlSeconds ?? undefined
      return {
        status: 200,
        body: wire(tenantId, await changeTenantSettings(parts, tenantId, seconds, actorOf(call))),
      }
    },
  }
}
