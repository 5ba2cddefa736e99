// The client: one typed call for every route, over fetch. It holds the token and never shows it.
import { routes, type Route, type RouteId } from '@keyhold/contract'
import type { AnyCallOptions, CallArguments, Reply } from './call-types.ts'
import { KeyholdClientError } from './keyhold-client-error.ts'
import { readReply } from './read-reply.ts'
import { requestPath } from './request-path.ts'
import { parseServerUrl } from './server-url.ts'

export interface KeyholdClientOptions {
  /** `https://host:port`, with a path where a proxy puts Keyhold under one. */
  url: string
  /** The access token: an API key. */
  token: string
  /** For tokens of the platform's services: the tenant that they act on. */
  tenantId?: string
  /** Milliseconds until a call without its complete answer fails; from 1, default 30,000. */
  timeoutMs?: number
  /** Allows plain http to other machines. Only for networks where nobody else listens. */
  insecure?: boolean
  /** Further headers of every request; those that the client sets itself win. */
  headers?: Readonly<Record<string, string>>
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch
}

export interface KeyholdClient {
  /**
   * Calls one route. Nothing is retried.
   *
   * @throws KeyholdApiError when the server refuses; KeyholdClientError when it did not answer; the reason of
   * `signal` when that was aborted; TypeError when a path parameter cannot be one segment.
   */
  call<Id extends RouteId>(routeId: Id, ...[options]: CallArguments<Id>): Promise<Reply<Id>>
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
  const base = parseServerUrl(options.url, insecure)
  const headers = new Headers(options.headers)
  headers.set('accept', 'application/json')
  headers.set('authorization', `Bearer ${options.token}`)
  if (options.tenantId !== undefined) headers.set('keyhold-tenant', options.tenantId)

  return {
    async call<Id extends RouteId>(routeId: Id, ...[given]: CallArguments<Id>): Promise<Reply<Id>> {
      const route: Route = routes[routeId]
      const { params = {}, body, signal }: AnyCallOptions = given ?? {}
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
      const url = base + requestPath(route.path, params)
      try {
        return await readReply(route, await send(url, init))
      } catch (error) {
        signal?.throwIfAborted()
        throw timeout.aborted ? timedOut(timeoutMs, error) : unlessUnreachable(base, error)
      }
    },
  }
}

function timedOut(timeoutMs: number, cause: unknown): KeyholdClientError {
  return new KeyholdClientError('ERR_CLIENT_TIMEOUT', `no complete answer within ${timeoutMs} ms`, { cause })
}

// Fetch reports every failure of the network, and of TLS, as a TypeError.
function unlessUnreachable(base: string, error: unknown): unknown {
  if (!(error instanceof TypeError)) return error
  return new KeyholdClientError('ERR_CLIENT_UNREACHABLE', `cannot reach ${base}`, { cause: error })
}
