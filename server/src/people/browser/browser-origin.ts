// The origin under which browsers see this server, as far as one may be trusted: without one no session is kept in a cookie.
import { isLoopback } from '../../driver/is-loopback.ts'

export interface BrowserOrigin {
  /** Such as `https://keyhold.example.com`. */
  origin: string
  /** Whether it is reached over TLS: then cookies are bound to this host alone. */
  isSecure: boolean
}

/** Undefined: it is not known what browsers see, or they would send cookies in the clear. */
export type OriginOf = (host: string | undefined) => BrowserOrigin | undefined

/**
 * The host that a request names decides nothing where the setting names one. Over TLS of this server's own the certificate has
 * vouched for it; in the clear it must be this machine's own, or a page of somebody's could call us by a name of his.
 *
 * @param publicUrl - `KEYHOLD_PUBLIC_URL`
 */
export function createOriginOf(publicUrl: string | undefined, isTls: boolean): OriginOf {
  if (publicUrl !== undefined) {
    const { origin, protocol } = new URL(publicUrl)
    const named = { origin, isSecure: protocol === 'https:' }
    return () => named
  }
  return (host) => {
    const origin = host === undefined ? undefined : originOfHost(host, isTls)
    return origin === undefined ? undefined : { origin, isSecure: isTls }
  }
}

function originOfHost(host: string, isTls: boolean): string | undefined {
  const text = `${isTls ? 'https' : 'http'}://${host}`
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const isHost = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  return isHost && (isTls || isLoopback(url.hostname.replaceAll(/^\[|\]$/g, ''))) ? url.origin : undefined
}
