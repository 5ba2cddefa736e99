// The caller, established by the access token alone.
import type { ApiKeyRole } from '../store/tables.ts'

export interface Caller {
  apiKeyId: string
  role: ApiKeyRole
  /** Undefined: an operator, or a service for all tenants. */
  tenantId: string | undefined
}
