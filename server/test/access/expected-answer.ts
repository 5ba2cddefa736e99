// The answer to a caller of a role on a route before its body is looked at, by the table of routes alone: the oracle of the matrices.
import type { Role, Route } from '@keyhold/contract'

export interface MatrixCaller {
  role: Role
  /** Undefined: an operator, or a service for all tenants. */
  tenantId: string | undefined
  /** The permissions that are left of its role, without names of keys. Undefined: all. */
  permissions: readonly string[] | undefined
  /** Of a tenant that is deleted. */
  isGone?: boolean
}

/**
 * The code of the refusal; undefined: it gets past all checks of callers.
 *
 * @param asked - the header Keyhold-Tenant
 * @param tenants - those that there are
 */
export function expectedRefusal(
  { role, tenantId, permissions, isGone }: MatrixCaller,
  route: Route,
  asked: string | undefined,
  tenants: readonly string[],
): string | undefined {
  if (isGone === true) return 'ERR_UNAUTHENTICATED'
  if (!route.roles.includes(role)) return 'ERR_FORBIDDEN'
  if (permissions?.includes(route.permission) === false && route.needsNoScope !== true)
    return 'ERR_SCOPE_MISSING'
  if (role === 'operator') return undefined
  if (tenantId !== undefined) {
    return asked === undefined || asked === tenantId ? undefined : 'ERR_TENANT_NOT_FOUND'
  }
  if (asked === undefined) return 'ERR_INVALID_REQUEST'
  return tenants.includes(asked) ? undefined : 'ERR_TENANT_NOT_FOUND'
}
