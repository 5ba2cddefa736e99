// The cookies of people. Over TLS their names begin with `__Host-`: no neighbour below the same domain, and no plain HTTP, can set
// or replace them. In the clear, on loopback, browsers refuse such names.

/** `session`: its secret. `login`: what a sign-in that has begun must come back with. */
export type CookieName = 'session' | 'login'

const sameSite: Readonly<Record<CookieName, 'Strict' | 'Lax'>> = {
  session: 'Strict',
  // The identity provider sends the browser back from another site.
  login: 'Lax',
}

export function cookieName(name: CookieName, isSecure: boolean): string {
  return `${isSecure ? '__Host-' : ''}kh_${name}`
}

/** The value for `Set-Cookie`. An empty text and an age of 0 end the cookie. */
export function setCookie(name: CookieName, value: string, maxAgeSeconds: number, isSecure: boolean): string {
  return [
    `${cookieName(name, isSecure)}=${value}`,
    'Path=/',
    `Max-Age=${String(maxAgeSeconds)}`,
    'HttpOnly',
    ...(isSecure ? ['Secure'] : []),
    `SameSite=${sameSite[name]}`,
  ].join('; ')
}

/**
 * The values of the cookies of a name. Of two, somebody else may have set one.
 *
 * @param header - `Cookie`
 */
export function findCookies(header: string | undefined, name: CookieName, isSecure: boolean): string[] {
  if (header === undefined) return []
  const start = `${cookieName(name, isSecure)}=`
  return header
    .split(';')
    .map((each) => each.trim())
    .filter((each) => each.startsWith(start))
    .map((each) => each.slice(start.length))
}
