// Destroys retired tenant key versions whose backup retention has passed. It looks again under the tenant's lock:
// a version that any cipherkey still needs is never destroyed.
import type { Store } from '../store/store.ts'
import { auditTenantKeysDestroyed } from './audit-key-job.ts'

/** Destroys the versions that are due and answers their number. */
export async function destroyDueTenantKeys(store: Store): Promise<number> {
  let destroyed = 0
  for (const { tenantId, version } of await store.tenantKeys.listDueForDestruction(new Date())) {
    await store.transaction(async (transaction) => {
      const fence = await transaction.tenants.lockFence(tenantId)
      if (fence === undefined || (await transaction.cipherkeys.existsUnder(tenantId, version))) return
      // Another replica was faster.
      if (!(await transaction.tenantKeys.destroy(tenantId, version))) return
      await transaction.tenants.moveFence(tenantId, fence.activeTenantKeyVersion)
      auditTenantKeysDestroyed(transaction, tenantId, [version])
      destroyed += 1
    })
  }
  return destroyed
}
