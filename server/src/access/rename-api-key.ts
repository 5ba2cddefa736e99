// Gives an API key another name. What it may do stays as it is.
import { KeyholdError } from '@keyhold/core'
import type { ApiKeyRow } from '../store/api-keys/api-keys.ts'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import { refuseToChangeWider } from './key-maker.ts'

/**
 * @param tenantId - undefined: an operator renames a key of any tenant
 * @throws KeyholdError `ERR_API_KEY_NOT_FOUND`, `ERR_API_KEY_TOO_WIDE`, `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function renameApiKey(
  store: Store,
  { id, tenantId, name }: { id: string; tenantId: string | undefined; name: string },
  actor: Actor,
): Promise<ApiKeyRow> {
  return store.transaction(async (transaction) => {
    const { apiKeys } = transaction
    if (!(await apiKeys.isIn(id, tenantId))) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
    // Before the row, as a revocation locks them: with the row first, both could wait for one another.
    await apiKeys.holdScope(id)
    await transaction.confirmActor(actor)
    await refuseToChangeWider(transaction, id, actor)
    const row = await apiKeys.rename(id, name)
    if (row === undefined) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
    const details = { role: row.role }
    transaction.audit({ tenantId: row.tenantId, actor, action: 'apikey.rename', targetId: id, details })
    return row
  })
}
