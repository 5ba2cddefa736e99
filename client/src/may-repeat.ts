// Decides which failed calls may be sent again: those that change nothing when they are done twice, those that certainly
// never arrived, and those that a rate limit refused before anything was done.
import { mayBeRepeated, type RouteId } from '@keyhold/contract'
import { KeyholdApiError } from './keyhold-api-error.ts'
import { KeyholdClientError } from './keyhold-client-error.ts'

const busy: ReadonlySet<number | undefined> = new Set([429, 502, 503, 504])

// Failures before the first byte is sent: no listener, no address, no connection in time.
const neverSent: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

// Refusals that come before anything is done, whatever the route.
const neverDone: ReadonlySet<string> = new Set(['HTTP-429', 'ERR_TOO_MANY_UNKNOWN_KEYS'])

/** Whether the call may be sent again after `error`; always false for a refusal that will stay one. */
export function mayRepeat(routeId: RouteId, error: unknown): boolean {
  if (neverArrived(error)) return true
  if (error instanceof KeyholdApiError && error.status === 429 && neverDone.has(error.code)) return true
  if (!mayBeRepeated(routeId)) return false
  if (error instanceof KeyholdApiError) return error.status === 429 || error.status === 503
  if (!(error instanceof KeyholdClientError)) return false
  return error.code === 'ERR_CLIENT_UNREACHABLE' || busy.has(error.status)
}

function neverArrived(error: unknown): boolean {
  return (
    error instanceof KeyholdClientError &&
    error.code === 'ERR_CLIENT_UNREACHABLE' &&
    causesOf(error.cause).every((code) => neverSent.has(code))
  )
}

// The cause of fetch's TypeError is the socket's error, or a list with one error for each address that it tried.
function causesOf(error: unknown): unknown[] {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof AggregateError) return cause.errors.map(codeOf)
  return [codeOf(cause)]
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
