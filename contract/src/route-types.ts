// The parameters, bodies and replies of each route as plain types, so that a caller needs nothing of TypeBox.
import type { Static, TSchema } from 'typebox'
import type { routeSchemas } from './schemas/route-schemas.ts'
import type { EventRouteId, PathParameters, RouteId, routes } from './routes.ts'

type Routes = typeof routes
type Schemas = typeof routeSchemas

/** The names of each path's parameters; never if it has none. */
export type RouteParameters = { [Id in RouteId]: PathParameters<Routes[Id]['path']> }

/** The body that each route takes; never if it takes none. */
export type RequestBodies = {
  [Id in RouteId]: Schemas[Id] extends { body: infer Body extends TSchema } ? Static<Body> : never
}

/** The members of each route's query; never if it has none. */
export type RequestQueries = {
  [Id in RouteId]: Schemas[Id] extends { query: infer Query extends TSchema } ? Static<Query> : never
}

/** The bodies of success by route and status: undefined if there is none, never if the reply is a stream. */
export type ReplyBodies = {
  [Id in RouteId]: Id extends EventRouteId ? never : BodiesByStatus<Schemas[Id]['replies']>
}

type BodiesByStatus<Replies> = {
  [Status in keyof Replies]: Replies[Status] extends TSchema ? Static<Replies[Status]> : undefined
}
