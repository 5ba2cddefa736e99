// The client: one typed call for every route, over fetch. It holds the token and never shows it.
import { routes, type Route, type RouteId } from '@keyhold/contract'
import type { AnyCallOptions, CallArguments, KeyholdCall, Reply } from './call-types.ts'
import { KeyholdClientError } from './keyhold-client-error.ts'
import { mayRepeat } from './may-repeat.ts'
import { readReply } from './read-reply.ts'
import { requestPath } from './request-path.ts'
import { parseServerUrl } from './server-url.ts'
import { createTenantClient, type TenantClient } from './tenant-client.ts'
import { withRetries } from './with-retries.ts'

export interface KeyholdClientOptions {
  /** `https://host:port`, with a path where a proxy puts Keyhold under one. */
  url: string
  /** The access token: an API key. */
  token: string
  /** For tokens of the platform's services: the tenant that they act on. */
  tenantId?: string
  /** Milliseconds until a call without its complete answer fails, with all its retries; from 1, default 30,000. */
  timeoutMs?: number
  /**
   * How often a call is sent again when the server is busy (429, 503) or away; from 0. Default: 0 for `call`, 3 for
   * what tenants' handles do. What changes something is sent again only when it certainly never arrived.
   */
  maxRetries?: number
  /** Allows plain http to other machines. Only for networks where nobody else listens. */
  insecure?: boolean
  /** Further headers of every request; those that the client sets itself win. */
  headers?: Readonly<Record<string, string>>
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch
}

export interface KeyholdClient {
  /**
   * Calls one route.
   *
   * @throws KeyholdApiError when the server refuses; KeyholdClientError when it did not answer; the reason of
   * `signal` when that was aborted; TypeError when a path parameter cannot be one segment.
   */
  call<Id extends RouteId>(routeId: Id, ...[options]: CallArguments<Id>): Promise<Reply<Id>>
  /**
   * A tenant's data plane; needs a token of the role `service`.
   *
   * @param tenantId - default: the client's own, or the one that the token is bound to
   */
  tenant(tenantId?: string): TenantClient
}

/**
 * Creates a client without connecting.
 *
 * @throws KeyholdClientError when the URL is not valid, or is plain http to another machine.
 */
export function createKeyholdClient(options: KeyholdClientOptions): KeyholdClient {
  const { timeoutMs = 30_000, insecure = false, fetch: send = fetch } = options
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1) {
    throw new RangeError(`"timeoutMs" expected a whole number from 1, got ${timeoutMs}`)
  }
  // Checked here, as fetch's own complaint would quote the token.
  if (!/^[\x21-\x7e]+$/.test(options.token)) {
    throw new TypeError('"token" expected visible ASCII characters')
  }
  checkMaxRetries(options.maxRetries)
  const base = parseServerUrl(options.url, insecure)

  function callFor(tenantId: string | undefined, usualRetries: number): KeyholdCall {
    const headers = new Headers(options.headers)
    headers.set('accept', 'application/json')
    headers.set('authorization', `Bearer ${options.token}`)
    if (tenantId !== undefined) headers.set('keyhold-tenant', tenantId)

    return async <Id extends RouteId>(routeId: Id, ...[given]: CallArguments<Id>): Promise<Reply<Id>> => {
      const route: Route = routes[routeId]
      const { params = {}, query, body, signal, maxRetries = usualRetries }: AnyCallOptions = given ?? {}
      checkMaxRetries(maxRetries)
      const timeout = AbortSignal.timeout(timeoutMs)
      const init: RequestInit = {
        method: route.method,
        headers,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        // A redirect would carry the request, with all that it says, to a place that nobody chose.
        redirect: 'manual',
        cache: 'no-store',
      }
      if (body !== undefined) {
        init.body = JSON.stringify(body)
        init.headers = new Headers(headers)
        init.headers.set('content-type', 'application/json')
      }
      const url = base + requestPath(route.path, params, query)
      const attempt = async (): Promise<Reply<Id>> => {
        try {
          return await readReply(route, await send(url, init))
        } catch (error) {
          signal?.throwIfAborted()
          throw timeout.aborted ? timedOut(timeoutMs, error) : unlessUnreachable(base, error)
        }
      }
      const isRepeatable = (error: unknown): boolean => mayRepeat(routeId, error)
      return withRetries(attempt, { maxRetries, totalMs: timeoutMs, mayRepeat: isRepeatable, signal })
    }
  }

  return {
    call: callFor(options.tenantId, options.maxRetries ?? 0),
    tenant: (tenantId = options.tenantId) =>
      createTenantClient(tenantId, callFor(tenantId, options.maxRetries ?? 3)),
  }
}

function checkMaxRetries(maxRetries = 0): void {
  if (!Number.isSafeInteger(maxRetries) || maxRetries < 0)
    throw new RangeError(`"maxRetries" expected a whole number from 0, got ${maxRetries}`)
}

function timedOut(timeoutMs: number, cause: unknown): KeyholdClientError {
  return new KeyholdClientError('ERR_CLIENT_TIMEOUT', `no complete answer within ${timeoutMs} ms`, { cause })
}

// Fetch reports every failure of the network, and of TLS, as a TypeError.
function unlessUnreachable(base: string, error: unknown): unknown {
  if (!(error instanceof TypeError)) return error
  return new KeyholdClientError('ERR_CLIENT_UNREACHABLE', `cannot reach ${base}`, { cause: error })
}
