// Decides whether the caller may call the route, and for which tenant. That happens before the body is read.
import { limits, tenantIdPattern, type Route } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { andThen } from '../../event-loop/and-then.ts'
import type { Authenticate, ClientAddresses } from '../../access/authenticate.ts'
import type { Caller } from '../../access/caller.ts'
import { hasPermission } from '../../access/scopes.ts'
import type { ForwardWatch } from '../connections/forward-watch.ts'
import { missingScope } from '../routes/scoped-keys.ts'
import type { ClientCertificate } from '../../tls/client-certificate.ts'
import type { IssuedAuthentication, ShownCertificate } from '../../issuers/authenticate-issued.ts'
import { looksLikeJwt } from '../../issuers/tokens/read-jwt.ts'
import type { BrowserRequest } from '../../people/browser/refuse-foreign-page.ts'
import type { CookieAuthentication } from '../../people/browser/authenticate-cookie.ts'
import type { SessionAuthentication } from '../../people/sessions/authenticate-session.ts'
import { looksLikeLink, type AuthenticateLink } from '../../people/links/authenticate-link.ts'
import { looksLikeSession } from '../../people/sessions/session-token.ts'
import type { Socket } from 'node:net'
import type { ClientAddress } from './client-address.ts'

// A JWT may be this long; an API key has 72 characters.
const bearerForm = /^Bearer +([\x21-\x7e]{1,8192})$/i
const tenantIdForm = new RegExp(tenantIdPattern)

export interface Authorized {
  caller: Caller
  /** Undefined on routes of the operator. */
  tenantId: string | undefined
}

export interface AskedHeaders extends BrowserRequest {
  authorization?: string | undefined
  /** `Keyhold-Tenant` */
  tenant?: string | string[] | undefined
  cookie?: string | undefined
  host?: string | undefined
  /** It was sent long ago, and is still being answered. */
  isOngoing?: boolean
}

export interface Authorization {
  authenticate: Authenticate
  /** Callers for whom issuers vouch. Undefined: there are none. */
  issued: Pick<IssuedAuthentication, 'ofJwt' | 'ofCertificate'> | undefined
  sessions: Pick<SessionAuthentication, 'authenticate'>
  cookies: CookieAuthentication
  links: AuthenticateLink
  /** The time of the database. */
  now: () => Date
  /** The certificate of the client of a connection, if it has shown one that is trusted. */
  shownCertificate: (socket: Socket) => ClientCertificate | undefined
  clientAddress: ClientAddress
  forwards: Pick<ForwardWatch, 'note'>
  /** From memory where it was confirmed a moment ago. */
  tenantExists: (tenantId: string) => boolean | Promise<boolean>
}

type Asked = Pick<
  Authorization,
  'authenticate' | 'issued' | 'tenantExists' | 'sessions' | 'cookies' | 'links' | 'now'
>

/**
 * Finds the caller and the tenant. It answers without a promise if both are in memory.
 *
 * @param shown - asked for a JWT, and where there is no access token: with both, the token decides who calls
 * @throws KeyholdError `ERR_UNAUTHENTICATED`, `ERR_TOO_MANY_UNKNOWN_KEYS`, `ERR_ISSUER_UNREACHABLE`, `ERR_FOREIGN_ORIGIN`,
 * `CSRF-TOKEN-2`, `ERR_LINK_OVER`, `ERR_SIGN_IN_AGAIN`, `ERR_FORBIDDEN`, `ERR_SCOPE_MISSING`, `ERR_INVALID_REQUEST` for a malformed `Keyhold-Tenant`,
 * `ERR_TENANT_NOT_FOUND` for another tenant than the token's
 */
export function authorize(
  authorization: Asked,
  route: Route,
  headers: AskedHeaders,
  addresses: ClientAddresses,
  shown: ShownCertificate,
): Authorized | Promise<Authorized> {
  return andThen(findCaller(authorization, route, headers, addresses, shown), (caller) =>
    authorizeCaller(caller, route, headers.tenant, authorization),
  )
}

function findCaller(
  { authenticate, issued, sessions, cookies, links }: Asked,
  route: Route,
  headers: AskedHeaders,
  addresses: ClientAddresses,
  shown: ShownCertificate,
): Caller | Promise<Caller> {
  const { authorization: header, origin, fetchSite, isOngoing = false } = headers
  const cookie = headers.cookie === undefined ? undefined : cookies.find(headers)
  // Whoever signs in anew may still have the cookie from before.
  if (cookie !== undefined && header !== undefined && route.beginsSession !== true) {
    throw new KeyholdError('ERR_INVALID_REQUEST', {
      message: 'The request has both an access token and the cookie of a session: send one of them.',
    })
  }
  if (cookie !== undefined && header === undefined)
    return cookies.authenticate(cookie, headers, addresses, !isOngoing)
  if (header === undefined && issued !== undefined) {
    // A browser shows its certificate for whatever page sends the request. Only browsers send these headers.
    if (origin !== undefined || fetchSite !== undefined) throw new KeyholdError('ERR_UNAUTHENTICATED')
    return issued.ofCertificate(shown)
  }
  const token = bearerForm.exec(header ?? '')?.[1]
  if (token === undefined) throw new KeyholdError('ERR_UNAUTHENTICATED')
  if (looksLikeLink(token)) {
    if (route.beginsSession !== true) throw new KeyholdError('ERR_UNAUTHENTICATED')
    return links(token, addresses)
  }
  if (looksLikeSession(token)) return sessions.authenticate(token, 'cli', addresses, !isOngoing)
  if (issued !== undefined && looksLikeJwt(token)) return issued.ofJwt(token, addresses.client, shown)
  return authenticate(token, addresses)
}

function authorizeCaller(
  caller: Caller,
  route: Route,
  tenant: string | string[] | undefined,
  { tenantExists, now }: Pick<Authorization, 'tenantExists' | 'now'>,
): Authorized | Promise<Authorized> {
  if (!route.roles.includes(caller.role)) throw new KeyholdError('ERR_FORBIDDEN')
  if (route.needsNoScope !== true && !hasPermission(caller.scopes, route.permission))
    throw missingScope(route.permission)

  if (route.needsFreshSignIn === true) refuseStale(caller, now)

  const named = readTenant(tenant)
  if (caller.role === 'operator') return { caller, tenantId: undefined }
  return andThen(resolveTenant(caller, named, tenantExists), (tenantId) => ({ caller, tenantId }))
}

const freshMs = limits.freshSignInSeconds * 1_000

/** An access token is shown anew with each request; a session may have been left open. */
function refuseStale({ session }: Caller, now: () => Date): void {
  if (session !== undefined && now().getTime() - session.signedInAt.getTime() > freshMs)
    throw new KeyholdError('ERR_SIGN_IN_AGAIN')
}

function readTenant(tenant: string | string[] | undefined): string | undefined {
  if (tenant === undefined || (typeof tenant === 'string' && tenantIdForm.test(tenant))) return tenant
  throw new KeyholdError('ERR_INVALID_REQUEST', {
    message: 'The header Keyhold-Tenant does not hold a tenant id.',
  })
}

/** A foreign tenant looks like one that never existed. */
function refuseForeignTenant({ tenantId }: Caller, tenant: string | undefined): void {
  if (tenantId !== undefined && tenant !== undefined && tenant !== tenantId)
    throw new KeyholdError('ERR_TENANT_NOT_FOUND')
}

function resolveTenant(
  caller: Caller,
  tenant: string | undefined,
  tenantExists: Authorization['tenantExists'],
): string | Promise<string> {
  if (caller.tenantId !== undefined) {
    refuseForeignTenant(caller, tenant)
    return caller.tenantId
  }
  if (tenant === undefined) {
    throw new KeyholdError('ERR_INVALID_REQUEST', {
      message: 'This caller is for all tenants: name one in the header Keyhold-Tenant.',
    })
  }
  return andThen(tenantExists(tenant), (exists) => {
    if (!exists) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    return tenant
  })
}
