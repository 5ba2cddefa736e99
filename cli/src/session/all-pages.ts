// Routes that answer page by page: one loop for all of them.
import { pagedRoutes, type CallArguments, type PagedRouteId, type Reply, type RouteId } from '@keyhold/client'
import type { Session } from './open-session.ts'

export interface PagedOptions {
  params?: Record<string, string>
  query?: Record<string, string>
  /** Where to begin. */
  from?: string
}

export function isPaged(routeId: RouteId): routeId is PagedRouteId {
  return Object.hasOwn(pagedRoutes, routeId)
}

/** Asks for one page after the other. */
export async function* allPages<Id extends PagedRouteId>(
  { call }: Pick<Session, 'call'>,
  routeId: Id,
  { params, query: given, from }: PagedOptions = {},
): AsyncGenerator<Reply<Id>['body']> {
  const { cursor, limit } = pagedRoutes[routeId]
  let query: Record<string, string> = { ...(from !== undefined && { [cursor]: from }), limit, ...given }
  for (;;) {
    const options = { query, ...(params !== undefined && { params }) }
    const { body } = await call(routeId, ...([options] as unknown as CallArguments<Id>))
    yield body as Reply<Id>['body']
    const { next } = body as { next?: string }
    if (next === undefined) return
    query = { ...query, [cursor]: next }
  }
}

/** The items of all pages, as one body. */
export async function collectPages<Id extends PagedRouteId>(
  session: Pick<Session, 'call'>,
  routeId: Id,
  options?: PagedOptions,
): Promise<Reply<Id>['body']> {
  const { items } = pagedRoutes[routeId]
  const collected: unknown[] = []
  for await (const body of allPages(session, routeId, options))
    collected.push(...((body as unknown as Record<string, unknown[]>)[items] ?? []))
  return { [items]: collected } as unknown as Reply<Id>['body']
}
