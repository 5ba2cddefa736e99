// The types of a call, derived from the routes table: a change of the contract is a type error at the caller.
import type {
  BodilessRouteId,
  ReplyBodies,
  RequestBodies,
  RequestQueries,
  RouteId,
  RouteParameters,
} from '@keyhold/contract'

/** The body that a route takes; `never` for a route that takes none. */
export type RequestBody<Id extends RouteId> = RequestBodies[Id]

/** The options of a call, whatever the route. */
export interface AnyCallOptions {
  /** Values for the path's `:names`; encoded for the URL here. */
  params?: Readonly<Record<string, string>>
  /** The part of the URL after `?`. */
  query?: Readonly<Record<string, string>>
  body?: unknown
  /** Ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal
  /** For this call instead of the client's own `maxRetries`. */
  maxRetries?: number
}

/** The options of a call of one route. */
export type CallOptions<Id extends RouteId> = AnyCallOptions &
  ([RouteParameters[Id]] extends [never]
    ? { params?: never }
    : { params: Record<RouteParameters[Id], string> }) &
  ([RequestQueries[Id]] extends [never] ? { query?: never } : { query?: RequestQueries[Id] }) &
  ([RequestBody<Id>] extends [never]
    ? { body?: never }
    : Id extends BodilessRouteId
      ? { body?: RequestBody<Id> }
      : { body: RequestBody<Id> })

type NeededBody<Id extends RouteId> = Id extends BodilessRouteId ? never : RequestBody<Id>

/** The arguments after the route's id. A route without parameters and body needs none. */
export type CallArguments<Id extends RouteId> = [RouteParameters[Id] | NeededBody<Id>] extends [never]
  ? [options?: CallOptions<Id>]
  : [options: CallOptions<Id>]

// Fetch allows no body at these statuses, and drops what a server sends.
type NullBodyStatus = 204 | 205 | 304

/**
 * A successful reply; `status` tells its forms apart. `text` is the body as it arrived, empty where there is none. A
 * 205 never has a body here, because fetch drops it: read a migration that it started from the migration's details.
 */
export type Reply<Id extends RouteId> = {
  [Status in keyof ReplyBodies[Id]]: {
    status: Status
    body: Status extends NullBodyStatus ? undefined : ReplyBodies[Id][Status]
    text: string
  }
}[keyof ReplyBodies[Id]]

/** Calls one route. */
export type KeyholdCall = <Id extends RouteId>(
  routeId: Id,
  ...[options]: CallArguments<Id>
) => Promise<Reply<Id>>
