// Gives an API key another name. What it may do stays as it is.
import { KeyholdError } from '@keyhold/core'
import type { ApiKeyRow } from '../store/api-keys/api-keys.ts'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'

/**
 * @param tenantId - undefined: an operator renames a key of any tenant
 * @throws KeyholdError `ERR_API_KEY_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function renameApiKey(
  store: Store,
  { id, tenantId, name }: { id: string; tenantId: string | undefined; name: string },
  actor: Actor,
): Promise<ApiKeyRow> {
  return store.transaction(async (transaction) => {
    const isIn = await transaction.apiKeys.isIn(id, tenantId)
    const row = isIn ? await transaction.apiKeys.rename(id, name) : undefined
    if (row === undefined) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
    const details = { role: row.role }
    transaction.audit({ tenantId: row.tenantId, actor, action: 'apikey.rename', targetId: id, details })
    return row
  })
}
