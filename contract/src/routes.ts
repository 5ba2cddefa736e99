// The table of all routes: their paths, who may call them, and the facts that both ends need. The schemas of bodies and
// replies are in schemas/route-schemas.ts. The server registers exactly these routes, the client's calls are typed by
// them, and tests go through all of them.
import type { Route } from './route.ts'
import { auditRoutes } from './routes/audit-routes.ts'
import { dataRoutes } from './routes/data-routes.ts'
import { destructionRoutes } from './routes/destruction-routes.ts'
import { drDrillRoutes } from './routes/dr-drill-routes.ts'
import { keyJobRoutes } from './routes/key-job-routes.ts'
import { keyProviderRoutes } from './routes/key-provider-routes.ts'
import { operatorRoutes } from './routes/operator-routes.ts'
import { tenantLockRoutes } from './routes/tenant-lock-routes.ts'
import { tenantSettingsRoutes } from './routes/tenant-settings-routes.ts'
import { usageRoutes } from './routes/usage-routes.ts'

/** The routes by the things that they are about. */
export const routeGroups: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  'Key providers': keyProviderRoutes,
  'Key jobs': keyJobRoutes,
  'The kill switch': tenantLockRoutes,
  'Settings of a tenant': tenantSettingsRoutes,
  'Disaster recovery': drDrillRoutes,
  Data: dataRoutes,
  Destructions: destructionRoutes,
  'Usage of KMS': usageRoutes,
  Audits: auditRoutes,
  'The installation': operatorRoutes,
}

export const routes = {
  ...keyProviderRoutes,
  ...keyJobRoutes,
  ...tenantLockRoutes,
  ...tenantSettingsRoutes,
  ...drDrillRoutes,
  ...dataRoutes,
  ...destructionRoutes,
  ...usageRoutes,
  ...auditRoutes,
  ...operatorRoutes,
} as const satisfies Record<string, Route>

export type RouteId = keyof typeof routes

/** Routes whose reply is a stream. */
export type EventRouteId = RouteIdsOf<{ replies: { 200: 'events' } }>

/** Routes that take a list of items. */
export type ItemRouteId = RouteIdsOf<{ takesItems: true }>

/** Routes that also take a value as bytes. */
export type OctetRouteId = RouteIdsOf<{ takesOctets: true }>

type RouteIdsOf<Fact> = { [Id in RouteId]: (typeof routes)[Id] extends Fact ? Id : never }[RouteId]

export const routeIds = Object.keys(routes) as RouteId[]

/** The names of a path's parameters. */
export type PathParameters<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathParameters<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never
