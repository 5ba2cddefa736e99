// One typed call for every route, over fetch. It holds the token and never shows it.
import { routes, type Route, type RouteId } from '@keyhold/contract'
import { takeToken } from './access-token/access-token.ts'
import type { CallArguments, KeyholdCall, Reply } from './call-types.ts'
import { readSignal } from './checks/option-readers.ts'
import { readJson } from './checks/read-json.ts'
import { optional, readOptions } from './checks/read-members.ts'
import { wrongMember } from './checks/wrong-member.ts'
import { readRetries, type CheckedClientOptions } from './client-options.ts'
import { KeyholdApiError } from './keyhold-api-error.ts'
import { KeyholdClientError } from './keyhold-client-error.ts'
import { mayRepeat } from './may-repeat.ts'
import { readReply } from './read-reply.ts'
import { requestPath } from './request-path.ts'
import { withRetries } from './with-retries.ts'

export interface ApiCallOptions extends Pick<CheckedClientOptions, 'token' | 'headers' | 'tenantId'> {
  /** Without a slash at the end. */
  base: string
  timeoutMs: number
  /** For calls that set no other number. */
  maxRetries: number
  fetch: typeof fetch
}

export function createApiCall(client: ApiCallOptions): KeyholdCall {
  const { base, timeoutMs, fetch: send } = client
  const headers = new Headers(client.headers)
  headers.set('accept', 'application/json')
  if (client.tenantId !== undefined) headers.set('keyhold-tenant', client.tenantId)

  // With each attempt: between two of them a token may have been exchanged.
  async function authorized<Init extends { headers: Headers; signal: AbortSignal }>(
    init: Init,
  ): Promise<Init> {
    init.headers.set('authorization', `Bearer ${await takeToken(client.token, init.signal)}`)
    return init
  }

  // All arguments are read before the first await. The caller may change them afterwards.
  return async <Id extends RouteId>(routeId: Id, ...[given]: CallArguments<Id>): Promise<Reply<Id>> => {
    const route = routeOf(routeId)
    const { signal, maxRetries = client.maxRetries, params, query, body } = readOptions(given, callReaders)
    if (body !== undefined && route.method === 'GET')
      throw wrongMember('ERR_CLIENT_OPTION_UNKNOWN', 'options.body', 'nothing: the route takes no body')
    const url = base + requestPath(route.path, params, query)
    const timeout = AbortSignal.timeout(timeoutMs)
    const init = {
      method: route.method,
      headers: withContentType(headers, body !== undefined),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      // A redirect would carry the request, with all that it says, to a place that nobody chose.
      redirect: 'manual',
      cache: 'no-store',
      ...(body !== undefined && { body }),
    } satisfies RequestInit
    const attempt = async (): Promise<Reply<Id>> => {
      try {
        return await readReply(route, await send(url, await authorized(init)))
      } catch (error) {
        signal?.throwIfAborted()
        throw timeout.aborted ? timedOut(timeoutMs, error) : unlessUnreachable(base, error)
      }
    }
    const isRepeatable = (error: unknown): boolean => mayRepeat(routeId, error)
    return withRetries(attempt, { maxRetries, totalMs: timeoutMs, mayRepeat: isRepeatable, signal })
  }
}

const callReaders = {
  params: asItIs,
  query: asItIs,
  body: optional(readBody),
  signal: optional(readSignal),
  maxRetries: optional(readRetries),
} as const

/** For members that are checked later, together with the route's path. */
function asItIs(value: unknown): unknown {
  return value
}

function readBody(value: unknown, member: string): string {
  const json = readJson(value, member)
  try {
    return JSON.stringify(json)
  } catch (cause) {
    throw wrongMember('ERR_CLIENT_BODY_INVALID', member, 'a body that fits into a string', cause)
  }
}

function routeOf(routeId: unknown): Route {
  if (typeof routeId === 'string' && Object.hasOwn(routes, routeId)) return routes[routeId as RouteId]
  throw wrongMember('ERR_CLIENT_ROUTE_UNKNOWN', 'routeId', "the id of one of the API's routes")
}

function withContentType(headers: Headers, hasBody: boolean): Headers {
  const all = new Headers(headers)
  if (hasBody) all.set('content-type', 'application/json')
  return all
}

function timedOut(timeoutMs: number, cause: unknown): KeyholdClientError {
  return new KeyholdClientError('ERR_CLIENT_TIMEOUT', `no complete answer within ${timeoutMs} ms`, { cause })
}

// Fetch reports every failure of the network, and of TLS, as a TypeError; a fetch of the caller's own throws anything.
function unlessUnreachable(base: string, error: unknown): Error {
  if (error instanceof KeyholdApiError || error instanceof KeyholdClientError) return error
  return new KeyholdClientError('ERR_CLIENT_UNREACHABLE', `cannot reach ${base}`, { cause: error })
}
