// The settings that a tenant chooses for itself: how long its keys may be held.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'

/** In seconds. */
export interface KeyCacheTtlLimits {
  min: number
  /** The default, too. */
  max: number
}

export interface TenantSettings {
  /** Undefined: the default. */
  keyCacheTtlSeconds: number | undefined
  effectiveKeyCacheTtlSeconds: number
}

export interface TenantSettingsParts {
  store: Store
  limits: KeyCacheTtlLimits
  /** Called after the commit, so that the other replicas hear of the change. */
  onChange: (tenantId: string) => void
}

/** @throws KeyholdError `ERR_TENANT_NOT_FOUND` */
export async function getTenantSettings(
  { store, limits }: Pick<TenantSettingsParts, 'store' | 'limits'>,
  tenantId: string,
): Promise<TenantSettings> {
  const guard = await store.guards.find(tenantId)
  if (guard === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  const chosen = guard.keyCacheTtlSeconds
  // The operator may have narrowed the limits since.
  const effective = Math.min(Math.max(chosen ?? limits.max, limits.min), limits.max)
  return { keyCacheTtlSeconds: chosen, effectiveKeyCacheTtlSeconds: effective }
}

/**
 * Changes how long keys are held. Replicas that hear of it follow at once; the others follow when the keys that they
 * hold have run out.
 *
 * @param keyCacheTtlSeconds - undefined: the default
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_KEY_CACHE_TTL_INVALID` outside of the limits
 */
export async function changeTenantSettings(
  { store, limits, onChange }: TenantSettingsParts,
  tenantId: string,
  keyCacheTtlSeconds: number | undefined,
  actor: Actor,
): Promise<TenantSettings> {
  const { min, max } = limits
  if (keyCacheTtlSeconds !== undefined && !(keyCacheTtlSeconds >= min && keyCacheTtlSeconds <= max)) {
    throw new KeyholdError('ERR_KEY_CACHE_TTL_INVALID', {
      message: `This installation allows ${min} to ${max} seconds.`,
    })
  }
  await store.transaction(async (transaction) => {
    await transaction.guards.setKeyCacheTtlSeconds(tenantId, keyCacheTtlSeconds)
    transaction.audit({
      ...{ tenantId, actor, action: 'tenant.change-settings', targetId: tenantId },
      details: {
        keyCacheTtlSeconds: keyCacheTtlSeconds === undefined ? 'default' : String(keyCacheTtlSeconds),
      },
    })
  })
  onChange(tenantId)
  return getTenantSettings({ store, limits }, tenantId)
}
