// Routes that answer page by page: one loop for all of them.
import type { CallArguments, Reply, RouteId } from '@keyhold/client'
import type { Session } from './open-session.ts'

/** A route whose answer says where the next page begins. */
export type PagedRouteId = {
  [Id in RouteId]: 'next' extends keyof Reply<Id>['body'] ? Id : never
}[RouteId]

interface Paging {
  /** The parameter that takes `next` of the page before. */
  cursor: 'after' | 'before'
  /** How much a page holds at most. */
  limit: string
  /** The member of the body that holds the items. */
  items: string
}

const pagedRoutes = {
  listAudits: { cursor: 'after', limit: '1000', items: 'audits' },
  listInstallationAudits: { cursor: 'after', limit: '1000', items: 'audits' },
  listDataKeys: { cursor: 'after', limit: '1000', items: 'dataKeys' },
  listLeaseKeys: { cursor: 'before', limit: '1000', items: 'leaseKeys' },
  listDestructions: { cursor: 'before', limit: '100', items: 'destructions' },
  listAllDestructions: { cursor: 'before', limit: '100', items: 'destructions' },
  listMigrations: { cursor: 'before', limit: '100', items: 'migrations' },
  listMigrationFailures: { cursor: 'after', limit: '1000', items: 'failures' },
} as const satisfies Record<PagedRouteId, Paging>

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
