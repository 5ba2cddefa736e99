// The permissions of callers. Each route names one permission. The role of an API key decides which routes it may call at all, and so
// is a set of permissions; its scopes may leave it fewer. This file imports nothing but types, as clients load it.
import { roles, type Role } from './roles.ts'
import { keyNamePattern } from './limits.ts'
import type { Route } from './route.ts'
import { routeIds, routes } from './routes.ts'

/** In the order of the table of routes. One that needs no scope gives no permission. */
export const permissions: readonly string[] = [
  ...new Set(
    routeIds
      .filter((routeId) => (routes[routeId] as Route).needsNoScope !== true)
      .map((routeId): string => routes[routeId].permission),
  ),
]

/** The permissions whose scopes may name the keys for which they hold. A lease is for all names: it has no key of any. */
export const permissionsOfKeyNames: readonly string[] = ['encrypt', 'decrypt', 'reencrypt', 'blind-index']

const keyName = keyNamePattern.slice(1, -1)

/**
 * A scope: a permission, and for those of key names a name, or the beginning of names with "*" behind it. Without either it holds
 * for all key names.
 */
export const scopePattern = `^(?:(?:${permissions.join('|')})|(?:${permissionsOfKeyNames.join('|')}):(?:${keyName}|[A-Za-z0-9._-]{0,63}\\*))$`

/** The permissions of a role, those of its routes. */
export function permissionsOf(role: Role): readonly string[] {
  const ofRole = routeIds.filter((routeId) => {
    const route: Route = routes[routeId]
    return route.needsNoScope !== true && route.roles.includes(role)
  })
  return permissions.filter((permission) =>
    ofRole.some((routeId) => routes[routeId].permission === permission),
  )
}

const manageApiKeys = 'manage-api-keys'

/**
 * The first of these permissions that a caller of the role cannot have: a scope of it would allow nothing, and whoever writes it means
 * something else. Whoever makes API keys may have any that they may have, since theirs lie within his own.
 */
export function findOutsideRole(role: Role, asked: readonly string[]): string | undefined {
  const ofRole = permissionsOf(role)
  const makesKeys = ofRole.includes(manageApiKeys) && asked.includes(manageApiKeys)
  const made = roles.filter((each) => role === 'operator' || each !== 'operator')
  const allowed = makesKeys ? made.flatMap(permissionsOf) : ofRole
  return asked.find((permission) => !allowed.includes(permission))
}
