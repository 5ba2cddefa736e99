// What fails on the client's side, before or instead of an answer by Keyhold. The codes are none of the server's,
// so that nobody takes "I could not ask" for "the answer is no".

/**
 * - `ERR_CLIENT_URL_INVALID`: the server's URL is not an http or https URL without user name, query and fragment.
 * - `ERR_CLIENT_URL_INSECURE`: plain http to another machine, which would show the token to the network.
 * - `ERR_CLIENT_UNREACHABLE`: no connection, no TLS, or the connection broke.
 * - `ERR_CLIENT_TIMEOUT`: no complete answer within `timeoutMs`; the server may or may not have acted.
 * - `ERR_CLIENT_BAD_REPLY`: an answer that Keyhold does not give, as from a proxy or another service.
 */
export type ClientErrorCode =
  | 'ERR_CLIENT_URL_INVALID'
  | 'ERR_CLIENT_URL_INSECURE'
  | 'ERR_CLIENT_UNREACHABLE'
  | 'ERR_CLIENT_TIMEOUT'
  | 'ERR_CLIENT_BAD_REPLY'

interface ClientErrorOptions {
  cause?: unknown
  status?: number | undefined
  retryAfterSeconds?: number | undefined
}

/** A call that got no answer from Keyhold. Tell the cases apart by `code`. */
export class KeyholdClientError extends Error {
  readonly code: ClientErrorCode
  /** The status of a bad reply; proxies answer 502 or 503 where Keyhold is away. */
  readonly status: number | undefined
  /** Seconds after which a proxy wants to be asked again. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: ClientErrorCode, message: string, options: ClientErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'KeyholdClientError'
    this.code = code
    this.status = options.status
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
