// What goes into each route and comes out of it, as plain types: whoever calls needs nothing of TypeBox.
import type { Static, TSchema } from 'typebox'
import type { routeSchemas } from './schemas/route-schemas.ts'
import type { EventRouteId, PathParameters, RouteId, routes } from './routes.ts'

type Routes = typeof routes
type Schemas = typeof routeSchemas

/** The names of the path's parameters by route; never where there are none. */
export type RouteParameters = { [Id in RouteId]: PathParameters<Routes[Id]['path']> }

/** The body that each route takes; never where it takes none. */
export type RequestBodies = {
  [Id in RouteId]: Schemas[Id] extends { body: infer Body extends TSchema } ? Static<Body> : never
}

/** What may stand in each route's query; never where nothing does. */
export type RequestQueries = {
  [Id in RouteId]: Schemas[Id] extends { query: infer Query extends TSchema } ? Static<Query> : never
}

/** The bodies of success by route and status; undefined where there is none, and never where it is a stream. */
export type ReplyBodies = {
  [Id in RouteId]: Id extends EventRouteId ? never : BodiesByStatus<Schemas[Id]['replies']>
}

type BodiesByStatus<Replies> = {
  [Status in keyof Replies]: Replies[Status] extends TSchema ? Static<Replies[Status]> : undefined
}
