// Deletes an API key, which revokes it.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { Store, TransactionStore } from '../store/store.ts'
import { manageApiKeys, refuseToChangeWider } from './key-maker.ts'
import { hasPermission, readScopes } from './scopes.ts'

export interface DeletionRequest {
  id: string
  /** Undefined: an operator deletes a key of any tenant. */
  tenantId?: string | undefined
  /** Whether it may be the last key of an operator. */
  mayEndLastOperator: boolean
}

/**
 * Answers whose it was; undefined: an operator's.
 *
 * @throws KeyholdError `ERR_API_KEY_NOT_FOUND`, `ERR_API_KEY_TOO_WIDE`, `ERR_API_KEY_LAST_OPERATOR`, `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function deleteApiKey(
  store: Store,
  { id, tenantId, mayEndLastOperator }: DeletionRequest,
  actor: Actor,
): Promise<{ tenantId: string | undefined }> {
  return store.transaction(async (transaction) => {
    const isForeign = tenantId !== undefined && !(await transaction.apiKeys.isIn(id, tenantId))
    if (isForeign) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
    await transaction.apiKeys.holdScope(id)
    // Now, since a caller may delete its own.
    await transaction.confirmActor(actor)
    await refuseToChangeWider(transaction, id, actor)
    if (!mayEndLastOperator && (await isLastOperator(transaction, id))) {
      throw new KeyholdError('ERR_API_KEY_LAST_OPERATOR', {
        message:
          'Without it only "keyhold-server create-operator-key" makes another one. If that is meant, repeat this with ?lastOperator=true.',
      })
    }
    const deleted = await transaction.apiKeys.delete(id)
    if (deleted === undefined) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
    const { role, tenantId: ofTenant } = deleted
    transaction.audit({ tenantId: ofTenant, actor, action: 'apikey.delete', targetId: id, details: { role } })
    return { tenantId: ofTenant }
  })
}

/** Of those with which an operator can make other keys. */
async function isLastOperator({ apiKeys }: TransactionStore, id: string): Promise<boolean> {
  if (!(await apiKeys.isOfNone(id))) return false
  const operators = (await apiKeys.listValid(undefined)).filter(
    ({ role, scopes }) => role === 'operator' && hasPermission(scopes && readScopes(scopes), manageApiKeys),
  )
  return operators.length === 1 && operators[0]?.id === id
}
