// Deleting a tenant that never encrypted anything. Where cipherkeys exist, deletion would destroy data, and is refused.
import { KeyholdError } from '@keyhold/core'
import type { Store } from '../store/store.ts'

/** @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_TENANT_IN_USE` */
export async function deleteTenant(store: Store, tenantId: string): Promise<void> {
  await store.transaction(async (transaction) => {
    // The exclusive lock keeps out whoever is about to store the first cipherkey.
    if ((await transaction.tenants.lockFence(tenantId)) === undefined)
      throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    if (await transaction.cipherkeys.exists(tenantId)) {
      throw new KeyholdError('ERR_TENANT_IN_USE', {
        message:
          'The tenant still holds data keys; deleting it would make what they encrypted unreadable for ever.',
      })
    }
    if ((await transaction.keyJobs.findLive(tenantId)) !== undefined)
      throw new KeyholdError('ERR_MIGRATION_RUNNING')
    await transaction.keyJobs.deleteAll(tenantId)
    await transaction.apiKeys.deleteAll(tenantId)
    await transaction.keyProviders.deleteAll(tenantId)
    await transaction.tenantKeys.deleteAll(tenantId)
    await transaction.tenants.delete(tenantId)
  })
}
