// Changes the name and description of a key provider. Nothing else of it ever changes.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import { getRegisteredKeyProvider } from './get-key-provider.ts'

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `ERR_KEY_PROVIDER_DEFAULT` */
export async function renameKeyProvider(
  store: Store,
  tenantId: string,
  { fingerprint, ...changes }: { fingerprint: string; name?: string; description?: string },
  actor: Actor,
): Promise<void> {
  await store.transaction(async (transaction) => {
    await getRegisteredKeyProvider(transaction, tenantId, fingerprint)
    if (!(await transaction.keyProviders.rename(tenantId, fingerprint, changes))) {
      throw new KeyholdError('ERR_KEY_PROVIDER_NOT_FOUND')
    }
    const members = Object.keys(changes).sort().join(',')
    transaction.audit({
      tenantId,
      actor,
      action: 'keyprovider.update',
      targetId: fingerprint,
      details: { members },
    })
  })
}
