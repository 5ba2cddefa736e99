// A browser sends the cookie of a session with every request to this host, whoever has written the page that sends it. So a caller by
// cookie alone must come from a page of Keyhold's own, and show that the page could read an answer of Keyhold's.
import { KeyholdError } from '@keyhold/core'
import { hash, timingSafeEqual } from 'node:crypto'

export interface BrowserRequest {
  method: string
  origin?: string | undefined
  /** `Sec-Fetch-Site` */
  fetchSite?: string | string[] | undefined
  /** `qlik-csrf-token` */
  csrfToken?: string | string[] | undefined
}

const readingMethods = new Set(['GET', 'HEAD'])

/**
 * @param own - the origin under which browsers see this server
 * @throws KeyholdError `ERR_FOREIGN_ORIGIN`
 */
export function refuseForeignPage({ method, origin, fetchSite }: BrowserRequest, own: string): void {
  const isReading = readingMethods.has(method)
  // `none`: a person has typed the address. Nobody types a change.
  const sites = isReading ? ['same-origin', 'none'] : ['same-origin']
  const isFromSite = fetchSite === undefined || (typeof fetchSite === 'string' && sites.includes(fetchSite))
  if (!isFromSite || (origin !== undefined && origin !== own)) throw new KeyholdError('ERR_FOREIGN_ORIGIN')
}

/**
 * The original's scheme, which its clients follow by themselves.
 *
 * @param expected - the token of the session
 * @throws KeyholdError `CSRF-TOKEN-2`
 */
export function refuseWithoutCsrfToken({ method, csrfToken }: BrowserRequest, expected: string): void {
  if (readingMethods.has(method)) return
  if (typeof csrfToken !== 'string' || !isSame(csrfToken, expected)) throw new KeyholdError('CSRF-TOKEN-2')
}

function isSame(text: string, other: string): boolean {
  return timingSafeEqual(hash('sha256', text, 'buffer'), hash('sha256', other, 'buffer'))
}
