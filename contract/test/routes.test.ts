// The rules for the table of routes as a whole.
import { expect, test } from 'vitest'
import {
  isDataPlane,
  isKillSwitch,
  mayBeRepeated,
  rateLimitOf,
  routeIds,
  routes,
  takesItems,
  tierRequestsPerMinute,
  type Route,
} from '../src/index.ts'
import { routeSchemas, type RouteSchemas } from '../src/schemas/index.ts'

const all = Object.entries<Route>(routes)

// Otherwise a name in a path, such as that of a data key, could hide a route or be hidden by one.
test('no request fits two routes, whatever the names in its path', () => {
  const clashes = all.flatMap(([id, route], index) =>
    all
      .slice(index + 1)
      .filter(([, other]) => route.method === other.method && overlap(route.path, other.path))
      .map(([otherId]) => `${id} and ${otherId}`),
  )
  expect(clashes).toEqual([])
})

test('two paths overlap when each differing segment is a parameter of one of them', () => {
  expect(overlap('/keys/:name/rotate', '/keys/unwrap/:action')).toBe(true)
  expect(overlap('/keys/:name', '/keys/unwrap')).toBe(true)
  expect(overlap('/keys/:name/rotate', '/keys/unwrap')).toBe(false)
  expect(overlap('/keys/:name/rotate', '/keys/unwrap/destroy')).toBe(false)
})

test('a route takes items exactly where its body is a list of items', () => {
  for (const id of routeIds) {
    const { body }: RouteSchemas = routeSchemas[id]
    const hasItems = body !== undefined && 'properties' in body && 'items' in (body.properties as object)
    expect(takesItems(id), id).toBe(hasItems)
  }
})

test('only reads, and the calls of the data plane, may be repeated', () => {
  for (const id of routeIds)
    expect(mayBeRepeated(id), id).toBe(routes[id].method === 'GET' || isDataPlane(id))
})

test("the original's ten routes have its tiers: reads the first, all others the second", () => {
  const base = '/api/v1/encryption/keyproviders'
  const tiers = all.filter(([, { tier }]) => tier !== undefined)
  expect(tiers.map(([, { method, path, tier }]) => `${method} ${path} ${tier ?? 0}`).toSorted()).toEqual([
    `DELETE ${base}/:arnFingerPrint 2`,
    `GET ${base} 1`,
    `GET ${base}/:arnFingerPrint 1`,
    `GET ${base}/actions/list 1`,
    `GET ${base}/migration/actions/details 1`,
    `PATCH ${base}/:arnFingerPrint 2`,
    `POST ${base} 2`,
    `POST ${base}/:arnFingerPrint/actions/migrate 2`,
    `POST ${base}/:arnFingerPrint/actions/test 2`,
    `POST ${base}/actions/reset-to-default-provider 2`,
  ])
  expect(tierRequestsPerMinute).toEqual({ 1: 1_000, 2: 100 })
})

test('every other route has a limit of its own kind', () => {
  for (const id of routeIds) {
    const { tier }: Route = routes[id]
    const own = isKillSwitch(id) ? 'kill-switch' : isDataPlane(id) ? 'data' : 'management'
    expect(rateLimitOf(id), id).toBe(tier === undefined ? own : `tier-${tier}`)
  }
})

function overlap(path: string, other: string): boolean {
  const [segments, otherSegments] = [path.split('/'), other.split('/')]
  return (
    segments.length === otherSegments.length &&
    segments.every((segment, index) => {
      const otherSegment = otherSegments[index] ?? ''
      return segment === otherSegment || segment.startsWith(':') || otherSegment.startsWith(':')
    })
  )
}
