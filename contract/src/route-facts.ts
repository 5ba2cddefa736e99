// Questions about a route, answered from the table alone: nobody keeps a list of routes beside it.
import type { Route } from './route.ts'
import { routes, type EventRouteId, type ItemRouteId, type OctetRouteId, type RouteId } from './routes.ts'

/** Whether it acts on data or data keys in plaintext; all others manage keys, tenants and the installation. */
export function isDataPlane(routeId: RouteId): boolean {
  const { roles, needsNoScope } = routeOf(routeId)
  return roles.includes('service') && needsNoScope !== true
}

/** Whether it must work whatever else is sent in the tenant's name: it ends just that. */
export function isKillSwitch(routeId: RouteId): boolean {
  return routeOf(routeId).isKillSwitch === true
}

export function isEventRoute(routeId: RouteId): routeId is EventRouteId {
  return routeOf(routeId).replies[200] === 'events'
}

export function mayLackBody(routeId: RouteId): boolean {
  return routeOf(routeId).mayLackBody === true
}

export function takesItems(routeId: RouteId): routeId is ItemRouteId {
  return routeOf(routeId).takesItems === true
}

export function takesOctets(routeId: RouteId): routeId is OctetRouteId {
  return routeOf(routeId).takesOctets === true
}

/** The rate limit that holds for a route: one of the original's tiers, or one of Keyhold's own. */
type RateLimit = 'tier-1' | 'tier-2' | 'management' | 'data' | 'kill-switch'

export function rateLimitOf(routeId: RouteId): RateLimit {
  if (isKillSwitch(routeId)) return 'kill-switch'
  const { tier } = routeOf(routeId)
  if (tier !== undefined) return `tier-${tier}`
  return isDataPlane(routeId) ? 'data' : 'management'
}

/** Whether a failed call may be sent again when nobody knows if it arrived. */
export function mayBeRepeated(routeId: RouteId): boolean {
  const { method, mayBeRepeated = method === 'GET' } = routeOf(routeId)
  return mayBeRepeated
}

function routeOf(routeId: RouteId): Route {
  return routes[routeId]
}
