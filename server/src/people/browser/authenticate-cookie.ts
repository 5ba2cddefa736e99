// Callers by the cookie of a session alone. They come from a page of Keyhold's own, or not at all.
import { KeyholdError } from '@keyhold/core'
import type { ClientAddresses } from '../../access/authenticate.ts'
import type { Caller } from '../../access/caller.ts'
import { andThen } from '../../event-loop/and-then.ts'
import type { SessionAuthentication } from '../sessions/authenticate-session.ts'
import type { OriginOf } from './browser-origin.ts'
import { findCookies } from './cookies.ts'
import { refuseForeignPage, refuseWithoutCsrfToken, type BrowserRequest } from './refuse-foreign-page.ts'

interface CookieRequest extends BrowserRequest {
  cookie?: string | undefined
  host?: string | undefined
}

export interface CookieAuthentication {
  /**
   * The cookie of a session, as it came. Undefined: there is none, or none is trusted under this host.
   *
   * @throws KeyholdError `ERR_UNAUTHENTICATED` for two of them
   */
  find(request: CookieRequest): string | undefined
  /**
   * @throws KeyholdError `ERR_UNAUTHENTICATED`, `ERR_TOO_MANY_UNKNOWN_KEYS`, `ERR_FOREIGN_ORIGIN`, `CSRF-TOKEN-2`, also as rejections
   */
  authenticate(
    cookie: string,
    request: CookieRequest,
    addresses: ClientAddresses,
    isUse?: boolean,
  ): Caller | Promise<Caller>
}

export interface CookieParts {
  sessions: Pick<SessionAuthentication, 'authenticate'>
  originOf: OriginOf
  csrfTokenOf: (sessionId: string) => string
}

export function createCookieAuthentication({
  sessions,
  originOf,
  csrfTokenOf,
}: CookieParts): CookieAuthentication {
  return {
    find({ cookie: header, host }) {
      const own = originOf(host)
      if (own === undefined) return undefined
      const cookies = findCookies(header, 'session', own.isSecure)
      if (cookies.length > 1) throw new KeyholdError('ERR_UNAUTHENTICATED')
      return cookies[0] === '' ? undefined : cookies[0]
    },
    authenticate(cookie, request, addresses, isUse) {
      refuseForeignPage(request, originOf(request.host)?.origin ?? '')
      return andThen(sessions.authenticate(cookie, 'browser', addresses, isUse), (caller) => {
        refuseWithoutCsrfToken(request, csrfTokenOf(caller.session?.id ?? ''))
        return caller
      })
    },
  }
}
