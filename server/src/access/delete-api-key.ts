// Deletes an API key, which revokes it.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'

/** @throws KeyholdError `ERR_API_KEY_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC` */
export async function deleteApiKey(store: Store, id: string, actor: Actor): Promise<void> {
  await store.transaction(async (transaction) => {
    await transaction.apiKeys.holdScope(id)
    // Now, since a caller may delete its own.
    await transaction.confirmActor(actor)
    const deleted = await transaction.apiKeys.delete(id)
    if (deleted === undefined) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
    const { role, tenantId } = deleted
    transaction.audit({ tenantId, actor, action: 'apikey.delete', targetId: id, details: { role } })
  })
}
