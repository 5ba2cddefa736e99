// Deletes a tenant that never encrypted anything. Where cipherkeys exist, deletion would destroy data and is refused.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import { auditDestruction } from './audit-destruction.ts'
import { endLiveKeyJob } from './end-live-key-job.ts'

/** @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_TENANT_IN_USE` */
export async function deleteTenant(store: Store, tenantId: string, actor: Actor): Promise<void> {
  // The fence keeps out a request that is about to store the first cipherkey.
  await store.withFence(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    await transaction.guards.hold(tenantId)
    // Destructions of the tenant have nothing left to do.
    const cancelled = await transaction.destructions.cancelAll(tenantId, actor.id)
    if (await transaction.cipherkeys.exists(tenantId)) {
      throw new KeyholdError('ERR_TENANT_IN_USE', {
        message:
          'The tenant still holds data keys; deleting it makes what they encrypted unreadable for ever, and must be scheduled.',
      })
    }
    await endLiveKeyJob(transaction, tenantId, fence.activeTenantKeyVersion)
    await transaction.keyJobs.deleteAll(tenantId)
    await transaction.apiKeys.deleteAll(tenantId)
    await transaction.sessions.end({ tenantId })
    await transaction.setupLinks.deleteAll(tenantId)
    await transaction.keyProviders.deleteAll(tenantId)
    await transaction.tenantKeys.deleteAll(tenantId)
    await transaction.tenants.delete(tenantId)
    for (const destruction of cancelled) auditDestruction(transaction, destruction, 'cancelled', actor)
    transaction.audit({ tenantId: undefined, actor, action: 'tenant.delete', targetId: tenantId })
  })
}
