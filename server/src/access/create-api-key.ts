// Creates an API key. Its secret exists in the answer alone.
import { KeyholdError } from '@keyhold/core'
import type { ApiKeyRow } from '../store/api-keys/api-keys.ts'
import type { Actor } from '../store/audits.ts'
import type { Store, TransactionStore } from '../store/store.ts'
import type { ApiKeyRole } from '../store/tables.ts'
import { encodeApiKeyToken, generateApiKeyToken, hashApiKeySecret } from './api-key-token.ts'

/** @throws KeyholdError `ERR_INVALID_REQUEST` when role and tenant do not go together, `ERR_TENANT_NOT_FOUND` */
export async function createApiKey(
  store: Store,
  request: { role: ApiKeyRole; tenantId: string | undefined; name: string },
  actor: Actor,
): Promise<{ row: ApiKeyRow; token: string }> {
  const { role, tenantId, name } = request
  if ((role === 'tenant-admin' || role === 'auditor') && tenantId === undefined) {
    const article = role === 'auditor' ? 'An' : 'A'
    throw new KeyholdError('ERR_INVALID_REQUEST', { message: `${article} ${role} key needs a tenantId.` })
  }
  if (role === 'operator' && tenantId !== undefined) {
    throw new KeyholdError('ERR_INVALID_REQUEST', { message: 'An operator key has no tenantId.' })
  }
  const token = generateApiKeyToken()
  const insert = async (transaction: TransactionStore) => {
    const inserted = await transaction.apiKeys.insert({
      id: token.id,
      secretHash: hashApiKeySecret(token.secret),
      role,
      tenantId,
      name,
    })
    transaction.audit({ tenantId, actor, action: 'apikey.create', targetId: token.id, details: { role } })
    return inserted
  }
  if (tenantId === undefined) return { row: await store.transaction(insert), token: encodeApiKeyToken(token) }
  // Nobody deletes the tenant while its fence is shared.
  const row = await store.withFenceShared(tenantId, (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    return insert(transaction)
  })
  return { row, token: encodeApiKeyToken(token) }
}
