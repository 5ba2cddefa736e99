// Turns a response into a reply or an error. JSON enters the SDK here alone.
import type { Route, RouteId } from '@keyhold/contract'
import type { Reply } from './call-types.ts'
import { isErrorEnvelope } from './is-error-envelope.ts'
import { KeyholdApiError } from './keyhold-api-error.ts'
import { KeyholdClientError } from './keyhold-client-error.ts'

/**
 * The reply that `route` promises.
 *
 * @throws KeyholdApiError for an error envelope; KeyholdClientError `ERR_CLIENT_BAD_REPLY` for an answer that Keyhold
 * does not give.
 */
export async function readReply<Id extends RouteId>(route: Route, response: Response): Promise<Reply<Id>> {
  const { status } = response
  const text = await response.text()
  const expected = route.replies[status]
  // Fetch drops the body of a 205, also where the contract has one.
  if (expected === 'nothing' || status === 205) return checked({ status, body: undefined, text: '' })
  const body = parse(text)
  if (expected !== undefined && body !== undefined) return checked({ status, body, text })

  const retryAfterSeconds = readRetryAfter(response.headers.get('retry-after'))
  if (status >= 400 && isErrorEnvelope(body)) {
    throw new KeyholdApiError({ status, envelope: body, retryAfterSeconds })
  }
  throw new KeyholdClientError(
    'ERR_CLIENT_BAD_REPLY',
    `the answer to ${route.method} ${route.path} is not one of Keyhold's (status ${status})`,
    { status, retryAfterSeconds },
  )
}

// The contract's tests hold the server to its schemas; checking them again would put the validator into every bundle.
function checked<Id extends RouteId>(reply: { status: number; body: unknown; text: string }): Reply<Id> {
  return reply as Reply<Id>
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// Keyhold sends whole seconds; proxies may send a date.
function readRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header)
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000))
}
