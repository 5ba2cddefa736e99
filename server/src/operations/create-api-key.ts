// Making an API key: its secret exists in the answer alone.
import { KeyholdError } from '@keyhold/core'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { Store } from '../store/store.ts'
import type { ApiKeyRole } from '../store/tables.ts'
import { encodeApiKeyToken, generateApiKeyToken, hashApiKeySecret } from './api-key-token.ts'

/** @throws KeyholdError `ERR_INVALID_REQUEST` when role and tenant do not go together, `ERR_TENANT_NOT_FOUND` */
export async function createApiKey(
  store: Store,
  request: { role: ApiKeyRole; tenantId: string | undefined; name: string },
): Promise<{ row: ApiKeyRow; token: string }> {
  const { role, tenantId, name } = request
  if (role === 'tenant-admin' && tenantId === undefined) {
    throw new KeyholdError('ERR_INVALID_REQUEST', { message: 'A tenant-admin key needs a tenantId.' })
  }
  if (role === 'operator' && tenantId !== undefined) {
    throw new KeyholdError('ERR_INVALID_REQUEST', { message: 'An operator key has no tenantId.' })
  }
  const token = generateApiKeyToken()
  const row = await store.transaction(async (transaction) => {
    // Under this lock the tenant is not deleted.
    if (tenantId !== undefined && (await transaction.tenants.lockFenceShared(tenantId)) === undefined) {
      throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    }
    return transaction.apiKeys.insert({
      id: token.id,
      secretHash: hashApiKeySecret(token.secret),
      role,
      tenantId,
      name,
    })
  })
  return { row, token: encodeApiKeyToken(token) }
}
