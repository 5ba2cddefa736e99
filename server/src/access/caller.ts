// The caller, established by the access token alone.
import type { ApiKeyRow } from '../store/api-keys/api-keys.ts'
import type { ApiKeyRole } from '../store/tables.ts'
import { readNetworks, type AreFrom } from './networks.ts'
import { readScopes, type Scopes } from './scopes.ts'

export interface Caller {
  apiKeyId: string
  role: ApiKeyRole
  /** Undefined: an operator, or a service for all tenants. */
  tenantId: string | undefined
  /** Undefined: it may do all that its role allows. */
  scopes?: Scopes
  /** Undefined: it may call from anywhere. */
  isFrom?: AreFrom
}

export function callerOf({
  id,
  role,
  tenantId,
  scopes,
  addresses,
}: Pick<ApiKeyRow, 'id' | 'role' | 'tenantId' | 'scopes' | 'addresses'>): Caller {
  return {
    ...{ apiKeyId: id, role, tenantId },
    ...(scopes !== undefined && { scopes: readScopes(scopes) }),
    ...(addresses !== undefined && { isFrom: readNetworks(addresses) }),
  }
}
