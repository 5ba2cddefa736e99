// Destroys retired tenant key versions whose backup retention has passed. It looks again for cipherkeys under them: a
// version that any cipherkey still needs is never destroyed.
import { isKeyholdError } from '@keyhold/core'
import { decideUnderFence } from '../keyring/decide-under-fence.ts'
import type { Store } from '../store/store.ts'
import { auditTenantKeysDestroyed } from './audit-key-job.ts'

/** Destroys the versions that are due and answers their number. */
export async function destroyDueTenantKeys(store: Store): Promise<number> {
  let destroyed = 0
  for (const { tenantId, version } of await store.tenantKeys.listDueForDestruction(new Date())) {
    const look = () => store.surveys.findNeeded(tenantId, [version])
    await decideUnderFence(store, tenantId, look, async (transaction, needed, fence) => {
      if (needed.length > 0) return
      // Another replica was faster.
      if (!(await transaction.tenantKeys.destroy(tenantId, version))) return
      await transaction.tenants.moveFence(tenantId, fence.activeTenantKeyVersion)
      auditTenantKeysDestroyed(transaction, tenantId, [version])
      destroyed += 1
    }).catch((error: unknown) => {
      // Its tenant was deleted meanwhile.
      if (!isKeyholdError(error, 'ERR_TENANT_NOT_FOUND')) throw error
    })
  }
  return destroyed
}
