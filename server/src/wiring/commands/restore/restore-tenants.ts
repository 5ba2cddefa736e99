// Confirms the older tenants one after the other. None holds up the others: what is wrong with one may be what an intruder has left
// there.
import { isKeyholdError } from '@keyhold/core'
import type { Store } from '../../../store/store.ts'
import { shown } from '../../../driver/shown-text.ts'
import type { OlderTenant } from './find-older.ts'
import { restoredLine } from './older-lines.ts'
import { restoreTenant } from './restore-tenant.ts'

interface Listeners {
  /** Receives a line for each tenant that is confirmed. */
  tell: (line: string) => void
  /** Receives a line for each one that stays refused. */
  say: (line: string) => void
  onTenant: () => Promise<void>
}

/** Answers the ids of those that are confirmed. */
export async function restoreTenants(
  store: Pick<Store, 'withFence'>,
  tenants: readonly OlderTenant[],
  { tell, say, onTenant }: Listeners,
): Promise<string[]> {
  const restored: string[] = []
  for (const tenant of tenants) {
    const { tenantId } = tenant
    try {
      tell(restoredLine(tenantId, await restoreTenant(store, tenant)))
      restored.push(tenantId)
    } catch (error) {
      if (!isKeyholdError(error)) throw error
      say(`tenant ${shown(tenantId)} stays refused: ${error.message}`)
    }
    await onTenant()
  }
  return restored
}
