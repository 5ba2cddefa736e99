// The routes that answer page by page, and how the next page is asked for.
import type { RouteId } from './routes.ts'

export interface Paging {
  /** The parameter that takes `next` of the page before. */
  cursor: 'after' | 'before'
  /** How much a page holds at most, as the query takes it. */
  limit: string
  /** The member of the body that holds the items. */
  items: string
}

export const pagedRoutes = {
  listAudits: { cursor: 'after', limit: '1000', items: 'audits' },
  listInstallationAudits: { cursor: 'after', limit: '1000', items: 'audits' },
  listAuditCheckpoints: { cursor: 'after', limit: '1000', items: 'checkpoints' },
  listAllAuditCheckpoints: { cursor: 'after', limit: '1000', items: 'checkpoints' },
  listDataKeys: { cursor: 'after', limit: '1000', items: 'dataKeys' },
  listLeaseKeys: { cursor: 'before', limit: '1000', items: 'leaseKeys' },
  listTenantKeys: { cursor: 'before', limit: '1000', items: 'tenantKeys' },
  listDestructions: { cursor: 'before', limit: '100', items: 'destructions' },
  listAllDestructions: { cursor: 'before', limit: '100', items: 'destructions' },
  listMigrations: { cursor: 'before', limit: '100', items: 'migrations' },
  listMigrationFailures: { cursor: 'after', limit: '1000', items: 'failures' },
  listLiveMigrations: { cursor: 'before', limit: '100', items: 'migrations' },
  listDrDrills: { cursor: 'before', limit: '100', items: 'drills' },
  listDrDrillsOfTenant: { cursor: 'before', limit: '100', items: 'drills' },
  listTenants: { cursor: 'after', limit: '1000', items: 'tenants' },
  listSessions: { cursor: 'after', limit: '1000', items: 'sessions' },
  listSetupLinks: { cursor: 'after', limit: '1000', items: 'setupLinks' },
  listApiKeys: { cursor: 'after', limit: '1000', items: 'apiKeys' },
} as const satisfies Partial<Record<RouteId, Paging>>

export type PagedRouteId = keyof typeof pagedRoutes
