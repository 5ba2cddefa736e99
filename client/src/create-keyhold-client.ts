// The client of the HTTP API, for Node and for browsers.
import type { RouteId } from '@keyhold/contract'
import type { AccessToken } from './access-token/access-token.ts'
import { createApiCall } from './api-call.ts'
import type { CallArguments, Reply } from './call-types.ts'
import { readMembers } from './checks/read-members.ts'
import { readTenantId } from './checks/read-name.ts'
import { clientOptionReaders, type CheckedClientOptions } from './client-options.ts'
import { createListAll, type ListAll } from './lists/list-all.ts'
import { parseServerUrl } from './server-url.ts'
import { createTenantClient, type TenantClient } from './tenant-client.ts'

export interface KeyholdClientOptions {
  /** `https://host:port`, with a path where a proxy puts Keyhold under one. */
  url: string
  /** The access token: an API key, or a JWT; or a function that answers the one to send now, which is called for each request. */
  token: AccessToken
  /** For tokens of the platform's services: the tenant that they act on. */
  tenantId?: string
  /** Milliseconds until a call without its complete answer fails, with all its retries; from 1, default 30,000. */
  timeoutMs?: number
  /**
   * How often a call is sent again when the server is busy (429, 503) or away; from 0. Default: 0 for `call`, 3 for the
   * methods of a tenant's handle. A call that changes something is sent again only when it certainly never arrived, or
   * when a rate limit refused it before anything was done.
   */
  maxRetries?: number
  /** Allows plain http to other machines; for networks where nobody else listens. */
  insecure?: boolean
  /** Further headers of every request; those that the client sets itself win. */
  headers?: Readonly<Record<string, string>>
  /** Replaces the global `fetch`. */
  fetch?: typeof fetch
}

export interface KeyholdClient {
  /**
   * Calls one route.
   *
   * @throws KeyholdApiError when the server refuses; KeyholdClientError when it did not answer, and for wrong
   * arguments; the reason of `signal` when that was aborted
   */
  call<Id extends RouteId>(routeId: Id, ...[options]: CallArguments<Id>): Promise<Reply<Id>>
  /**
   * Asks a route that answers page by page for all pages, as large as the server gives them, and answers their items.
   *
   * @throws the errors of `call`
   */
  listAll: ListAll
  /**
   * A tenant's data plane; needs a token of the role `service`.
   *
   * @param tenantId - default: the client's own, or the one that the token is bound to
   * @throws KeyholdClientError `ERR_CLIENT_TENANT_ID_INVALID`
   */
  tenant(tenantId?: string): TenantClient
}

/**
 * Creates a client without connecting.
 *
 * @throws KeyholdClientError for a wrong option, and when the URL is plain http to another machine
 */
export function createKeyholdClient(options: KeyholdClientOptions): KeyholdClient {
  return openApiClient(readMembers(options, 'options', clientOptionReaders))
}

/** `createKeyholdClient` with options that are checked. @throws KeyholdClientError for the URL */
export function openApiClient(options: CheckedClientOptions): KeyholdClient {
  const { url, timeoutMs = 30_000, insecure = false, fetch: send = fetch, maxRetries } = options
  const base = parseServerUrl(url, insecure)
  const shared = { base, timeoutMs, fetch: send, token: options.token, headers: options.headers }
  const call = createApiCall({ ...shared, tenantId: options.tenantId, maxRetries: maxRetries ?? 0 })
  return {
    call,
    listAll: createListAll(call),
    tenant(given) {
      const tenantId = given === undefined ? options.tenantId : readTenantId(given, 'tenantId')
      return createTenantClient(tenantId, createApiCall({ ...shared, tenantId, maxRetries: maxRetries ?? 3 }))
    },
  }
}
