// The types of handlers, made from the table of routes. So a handler cannot answer anything that the wire does not have,
// and no route is without a handler.
import type { EventRouteId, OctetRouteId, RouteId, RouteParameters, routes } from '@keyhold/contract'
import type { routeSchemas } from '@keyhold/contract/schemas'
import type { IncomingHttpHeaders } from 'node:http'
import type { Static, TSchema } from 'typebox'
import type { Caller } from '../../access/caller.ts'
import type { BrowserRequest } from '../../people/browser/refuse-foreign-page.ts'
import type { Actor } from '../../store/audits.ts'

type RouteOf<Id extends RouteId> = (typeof routes)[Id]
type SchemasOf<Id extends RouteId> = (typeof routeSchemas)[Id]

type QueryOf<Id extends RouteId> =
  SchemasOf<Id> extends { query: infer Query extends TSchema } ? Static<Query> : undefined

type BodyOf<Id extends RouteId> =
  SchemasOf<Id> extends { body: infer Body extends TSchema } ? Static<Body> : undefined

/** One checked call of a route. */
export interface Call<Id extends RouteId> {
  caller: Caller
  /** The name of the request in the log and in the audit trail. */
  traceId: string
  /** Where the request came from, for the audit trail. */
  origin: () => NonNullable<Actor['origin']>
  /** Which page sends it, as a browser says. */
  browser: () => BrowserRequest & Record<'cookie' | 'host', string | undefined>
  /** The tenant that the call acts on; undefined on the operator's routes, which act on the installation. */
  tenantId: 'operator' extends RouteOf<Id>['roles'][number] ? undefined : string
  params: Record<RouteParameters[Id], string>
  query: QueryOf<Id>
  body: BodyOf<Id>
  /** The header Last-Event-ID, as a stream's reader sends it when it comes back. */
  lastEventId?: string | undefined
}

type Replies<Id extends RouteId> = SchemasOf<Id>['replies']

/** One of the route's successful answers. */
export type Reply<Id extends RouteId> = {
  [Status in keyof Replies<Id>]: {
    status: Status
    body: Replies<Id>[Status] extends TSchema ? Static<Replies<Id>[Status]> : null
    headers?: Readonly<Record<string, string>>
  }
}[keyof Replies<Id>]

/** It may answer without a promise if the answer is there at once. */
export type Handler<Id extends RouteId> = (call: Call<Id>) => Reply<Id> | Promise<Reply<Id>>

export type Handlers = { [Id in Exclude<RouteId, EventRouteId>]: Handler<Id> }

/** The present state of a watched object. */
export interface WatchedState {
  data: unknown
  /** Differs from the mark of the previous state if something has changed. */
  mark: string
  /** Whether the state will never change again. */
  isLast: boolean
}

/** All that has happened since the last look, each with an id: whoever reads gets all of it, and can come back to where he was. */
export interface WatchedEvents {
  /** The id from which a reader resumes who has seen none yet. */
  begin: string
  events: readonly { id: string; data: unknown }[]
  isLast: boolean
}

export type Watch = () => Promise<WatchedState | WatchedEvents>

/** Each returns the function that reads the watched state, or refuses. */
export type EventHandlers = { [Id in EventRouteId]: (call: Call<Id>) => Promise<Watch> }

/** A call whose body is one value as bytes; key name and encryption context are in the headers. */
export interface OctetCall {
  tenantId: string
  caller: Pick<Caller, 'scopes'>
  headers: IncomingHttpHeaders
  bytes: Buffer
}

export type OctetHandlers = Record<OctetRouteId, (call: OctetCall) => Promise<Buffer>>
