// The table of all routes: their paths, who may call them, and the facts that both ends need. The schemas of bodies and
// replies are in schemas/route-schemas.ts. The server registers exactly these routes, the client's calls are typed by
// them, and tests go through all of them.
import type { Route } from './route.ts'
import { auditRoutes } from './routes/audit-routes.ts'
import { brandRoutes } from './routes/brand-routes.ts'
import { dataRoutes } from './routes/data-routes.ts'
import { destructionRoutes } from './routes/destruction-routes.ts'
import { drDrillRoutes } from './routes/dr-drill-routes.ts'
import { keyJobRoutes } from './routes/key-job-routes.ts'
import { keyProviderRoutes } from './routes/key-provider-routes.ts'
import { operatorRoutes } from './routes/operator-routes.ts'
import { overviewRoutes } from './routes/overview-routes.ts'
import { sessionRoutes } from './routes/session-routes.ts'
import { setupRoutes } from './routes/setup-routes.ts'
import { tenantLockRoutes } from './routes/tenant-lock-routes.ts'
import { tenantSettingsRoutes } from './routes/tenant-settings-routes.ts'
import { usageRoutes } from './routes/usage-routes.ts'

/** Routes that are about the same thing. */
interface RouteGroup {
  description: string
  routes: Readonly<Record<string, Route>>
}

/** All routes by the things that they are about. */
export const routeGroups: Readonly<Record<string, RouteGroup>> = {
  'Key providers': { description: 'Registered keys: their tests, their use.', routes: keyProviderRoutes },
  'Key jobs': { description: 'Migrations to another key, and rotations.', routes: keyJobRoutes },
  Overview: {
    description: 'The state of a tenant in one answer, and what happens to it.',
    routes: overviewRoutes,
  },
  'The kill switch': { description: 'Locking a whole tenant at once.', routes: tenantLockRoutes },
  'Settings of a tenant': { description: 'How long its keys may be held.', routes: tenantSettingsRoutes },
  'Disaster recovery': { description: 'Drills for the loss of a region.', routes: drDrillRoutes },
  Data: { description: 'Values, data keys and leases of them.', routes: dataRoutes },
  Destructions: { description: 'Ends of data keys and tenants, for ever.', routes: destructionRoutes },
  'Usage of KMS': { description: 'The calls to the KMS, and their cost.', routes: usageRoutes },
  Audits: { description: 'The audit trail and what proves it.', routes: auditRoutes },
  'The caller': {
    description: 'Who calls, who is signed in, signing in and signing out.',
    routes: sessionRoutes,
  },
  'Key set-up': { description: 'The draft of a key set-up.', routes: setupRoutes },
  Brand: { description: 'Name, colour, logo and links of the vendor.', routes: brandRoutes },
  'The installation': { description: 'Tenants and API keys, for operators.', routes: operatorRoutes },
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
  ...overviewRoutes,
  ...sessionRoutes,
  ...setupRoutes,
  ...brandRoutes,
  ...operatorRoutes,
} as const satisfies Record<string, Route>

export type RouteId = keyof typeof routes

/** Routes whose reply is a stream. */
export type EventRouteId = RouteIdsOf<{ replies: { 200: 'events' } }>

/** Routes that take a list of items. */
export type ItemRouteId = RouteIdsOf<{ takesItems: true }>

/** Routes whose body may be left out. */
export type BodilessRouteId = RouteIdsOf<{ mayLackBody: true }>

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
