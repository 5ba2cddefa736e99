// The types of a call, derived from the routes table: a change of the contract is a type error at the caller.
import type { ReplyBodies, RequestBodies, RequestQueries, RouteId, RouteParameters } from '@keyhold/contract'

/** The body that a route takes; never where it takes none. */
export type RequestBody<Id extends RouteId> = RequestBodies[Id]

/** What a call may be given, whatever the route. */
export interface AnyCallOptions {
  /** Values for the path's `:names`; encoded for the URL here. */
  params?: Readonly<Record<string, string>>
  /** What stands after the path's `?`. */
  query?: Readonly<Record<string, string>>
  body?: unknown
  /** Ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal
  /** For this call instead of the client's own `maxRetries`. */
  maxRetries?: number
}

/** What a call of a route needs. */
export type CallOptions<Id extends RouteId> = AnyCallOptions &
  ([RouteParameters[Id]] extends [never]
    ? { params?: never }
    : { params: Record<RouteParameters[Id], string> }) &
  ([RequestQueries[Id]] extends [never] ? { query?: never } : { query?: RequestQueries[Id] }) &
  ([RequestBody<Id>] extends [never] ? { body?: never } : { body: RequestBody<Id> })

/** The arguments after the route's id; none are needed where the route takes neither parameters nor a body. */
export type CallArguments<Id extends RouteId> = [RouteParameters[Id] | RequestBody<Id>] extends [never]
  ? [options?: CallOptions<Id>]
  : [options: CallOptions<Id>]

// Fetch forbids a body at these statuses; what a server sends with them is dropped.
type NullBodyStatus = 204 | 205 | 304

/**
 * A reply of success, told apart by `status`. `text` is the body as it came, empty where there is none. A 205 never
 * has a body here: fetch drops it, so that a migration started by it is to be read from its details.
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
