// Deleting a key provider's entry, while nothing depends on its key.
import { KeyholdError } from '@keyhold/core'
import type { Store } from '../store/store.ts'
import { getRegisteredKeyProvider } from './get-key-provider.ts'

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `ERR_KEY_PROVIDER_DEFAULT`, `ERR_KEY_PROVIDER_IN_USE` */
export async function deleteKeyProvider(store: Store, tenantId: string, fingerprint: string): Promise<void> {
  await store.transaction(async (transaction) => {
    // Migrations start, switch and end under this lock, so none begins to use the provider in between.
    await transaction.tenants.lockFence(tenantId)
    const provider = await getRegisteredKeyProvider(transaction, tenantId, fingerprint)
    const live = await transaction.keyJobs.findLive(tenantId)
    if (live?.sourceFingerprint === fingerprint || live?.targetFingerprint === fingerprint) {
      throw inUse('A running migration needs it: wait until it has completed.')
    }
    if (provider.isCurrent) throw inUse('It is the current key provider: migrate to another one first.')
    if ((await transaction.tenantKeys.countInUse(tenantId, provider.keyArn)) > 0) {
      throw inUse('Tenant keys are still wrapped by it.')
    }
    await transaction.keyProviders.delete(tenantId, fingerprint)
  })
}

function inUse(message: string): KeyholdError {
  return new KeyholdError('ERR_KEY_PROVIDER_IN_USE', { message })
}
