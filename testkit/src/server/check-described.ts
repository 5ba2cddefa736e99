// An answer of a test server must be one that the description of the API knows.
import { errorsOf, routeIds, routes, type RouteId } from '@keyhold/contract'

/** @throws Error if the route answers with a code that its description lacks */
export function checkDescribed(method: string, pathAndQuery: string, body: unknown): void {
  const code = codeOf(body)
  const routeId = code === undefined ? undefined : findRoute(method, pathAndQuery.split('?')[0] ?? '')
  if (code === undefined || routeId === undefined) return
  if (!errorsOf(routeId).some((described) => described === code)) {
    throw new Error(`${routeId} answers with ${code}: add it to contract/src/route-errors.ts`)
  }
}

function codeOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('errors' in body)) return undefined
  const [first] = body.errors as { code: string }[]
  return first?.code
}

function findRoute(method: string, path: string): RouteId | undefined {
  const segments = path.split('/')
  return routeIds.find((id) => {
    const route = routes[id]
    const expected = route.path.split('/')
    return (
      route.method === method &&
      expected.length === segments.length &&
      expected.every((segment, index) => segment.startsWith(':') || segment === segments[index])
    )
  })
}
