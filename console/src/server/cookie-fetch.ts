// Requests by the session's cookie. The browser holds the secret where no script can read it; what a script adds is the
// CSRF token, which a foreign page can neither read nor guess.
import { serverUrl } from './place.ts'

const csrfHeader = 'qlik-csrf-token'
const csrfCode = 'CSRF-TOKEN'

let csrfToken: string | undefined

/** After signing in and out: the token belongs to a session. */
export function forgetCsrfToken(): void {
  csrfToken = undefined
}

async function askForCsrfToken(): Promise<string | undefined> {
  const reply = await fetch(`${serverUrl}/api/v1/csrf-token`, {
    credentials: 'same-origin',
    cache: 'no-store',
  })
  return reply.headers.get(csrfHeader) ?? undefined
}

/** `fetch` for the client. The client must be given a token, which stays here. */
export async function cookieFetch(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const changes = init.method !== undefined && init.method !== 'GET'
  if (changes) csrfToken ??= await askForCsrfToken()
  const reply = await send(url, init)
  if (!changes || reply.status !== 403) return reply
  // The session began anew in another tab, so the token is that of another one.
  const { errors = [] } = (await reply
    .clone()
    .json()
    .catch(() => ({}))) as { errors?: { code: string }[] }
  if (!errors.some(({ code }) => code.startsWith(csrfCode))) return reply
  csrfToken = await askForCsrfToken()
  return send(url, init)
}

function send(url: string | URL | Request, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.delete('authorization')
  if (csrfToken !== undefined) headers.set(csrfHeader, csrfToken)
  return fetch(url, { ...init, headers, credentials: 'same-origin' })
}
