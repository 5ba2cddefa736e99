// Lists that the server answers page by page, as one list.
import { pagedRoutes, type PagedRouteId } from '@keyhold/contract'
import type { CallArguments, KeyholdCall, Reply } from '../call-types.ts'
import { readSignal } from '../checks/option-readers.ts'
import { plainEntries } from '../checks/plain-entries.ts'
import { optional, readOptions } from '../checks/read-members.ts'
import { wrongMember } from '../checks/wrong-member.ts'
import { readRetries } from '../client-options.ts'

/** An item of the list that a route answers. */
export type ListedItem<Id extends PagedRouteId> = {
  [Each in Id]: Reply<Each>['body'] extends Readonly<
    Record<(typeof pagedRoutes)[Each]['items'], readonly (infer Item)[]>
  >
    ? Item
    : never
}[Id]

/** Asks a route for one page after the other, and answers the items of all of them. */
export type ListAll = <Id extends PagedRouteId>(
  routeId: Id,
  ...[options]: CallArguments<Id>
) => Promise<ListedItem<Id>[]>

export function createListAll(call: KeyholdCall): ListAll {
  return async <Id extends PagedRouteId>(
    routeId: Id,
    ...[given]: CallArguments<Id>
  ): Promise<ListedItem<Id>[]> => {
    const { cursor, limit, items } = pagingOf(routeId)
    const { query: asked, ...options } = readOptions(given, optionReaders)
    let query: Record<string, unknown> = { limit, ...asked }
    const listed: ListedItem<Id>[] = []
    for (;;) {
      const page = { ...options, query } as unknown
      const { body } = await call(routeId, ...([page] as unknown as CallArguments<Id>))
      const { next, ...members } = body as unknown as Page<ListedItem<Id>>
      listed.push(...(members[items] ?? []))
      if (next === undefined) return listed
      query = { ...query, [cursor]: next }
    }
  }
}

type Page<Item> = { next?: string } & Record<string, Item[]>

const optionReaders = {
  // It is checked together with the route's path.
  params: (value: unknown) => value,
  query: optional((value, member) =>
    Object.fromEntries(plainEntries(value, 'ERR_CLIENT_PARAMETER_INVALID', member)),
  ),
  signal: optional(readSignal),
  maxRetries: optional(readRetries),
} as const

function pagingOf(routeId: unknown) {
  if (typeof routeId === 'string' && Object.hasOwn(pagedRoutes, routeId))
    return pagedRoutes[routeId as PagedRouteId]
  throw wrongMember('ERR_CLIENT_ROUTE_UNKNOWN', 'routeId', 'the id of a route that answers pages')
}
