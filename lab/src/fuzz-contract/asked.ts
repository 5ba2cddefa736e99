// One request as it is drawn: by names, since the ids and tokens of a run are others each time. So a seed draws the same requests in
// every run, and a failure is told without a secret.
import { routeIds, routes, type RouteId } from '@keyhold/contract'

/** Where a text of a request stands for something that the scene has: `$fingerprint`. */
export const placePrefix = '$'

export interface Asked {
  /** Undefined: no route's path. */
  routeId: RouteId | undefined
  method: string
  /** Of the path, by their names; or the whole path where there is no route. */
  params: Readonly<Record<string, string>>
  query: readonly (readonly [name: string, value: string])[]
  caller: string
  /** The header Keyhold-Tenant. */
  tenant: string | undefined
  headers: Readonly<Record<string, string>>
  contentType: string | undefined
  body: Body
}

export type Body =
  | { kind: 'none' }
  | { kind: 'json'; value: unknown }
  /** Sent as it is. */
  | { kind: 'text'; text: string }
  | { kind: 'bytes'; base64: string }

/** The route that answers: another method may make it another one, or none, and a path of none may be that of one. */
export function routeOf({ routeId, method, params }: Asked): RouteId | undefined {
  if (routeId !== undefined)
    return routeIds.find((id) => routes[id].path === routes[routeId].path && routes[id].method === method)
  const segments = (params.path ?? '').split('/')
  return routeIds.find((id) => {
    const expected = routes[id].path.split('/')
    const isSame = (each: string, index: number) => each.startsWith(':') || each === segments[index]
    return routes[id].method === method && expected.length === segments.length && expected.every(isSame)
  })
}
