// Failures on the client's side, before an answer by Keyhold or instead of one. The server uses none of these codes, so
// that nobody mistakes "I could not ask" for "the answer is no".

/**
 * A wrong argument. `member` says which; nothing was sent and nothing was encrypted.
 *
 * - `ERR_CLIENT_URL_INVALID`: the server's URL is not an http or https URL without user name, query and fragment.
 * - `ERR_CLIENT_URL_INSECURE`: plain http to another machine, which would show the token to the network.
 * - `ERR_CLIENT_TENANT_ID_INVALID`: not the id of a tenant.
 * - `ERR_CLIENT_OPTION_INVALID`: an option has a wrong type or value.
 * - `ERR_CLIENT_OPTION_UNKNOWN`: the call has no such option, and ignoring it would break a promise.
 * - `ERR_CLIENT_ITEM_INVALID`: the items are not a list, or one of them is not an object.
 * - `ERR_CLIENT_PLAINTEXT_INVALID`: a value that decryption could not give back as it is.
 * - `ERR_CLIENT_TOKEN_INVALID`: a token that is not a string.
 * - `ERR_CLIENT_CONTEXT_INVALID`: an encryption context that breaks the server's rule.
 * - `ERR_CLIENT_KEY_NAME_INVALID`: not the name of a data key.
 * - `ERR_CLIENT_FIELD_PATH_INVALID`: the paths of fields are empty, or one lies inside another.
 * - `ERR_CLIENT_RECORD_INVALID`: a record, or an object on the way to a field, is not a plain object.
 * - `ERR_CLIENT_RECORD_ID_INVALID`: a record without an id, or whose id encryption would change.
 * - `ERR_CLIENT_FILE_INVALID`: neither a path nor a file: URL.
 * - `ERR_CLIENT_RANGE_INVALID`: a place, a size or a range that no file has.
 * - `ERR_CLIENT_PIECE_INVALID`: something other than bytes was written to a stream.
 * - `ERR_CLIENT_ROUTE_UNKNOWN`: the API has no such route.
 * - `ERR_CLIENT_PARAMETER_INVALID`: a parameter of the path or the query is missing, or cannot stand in a URL.
 * - `ERR_CLIENT_BODY_INVALID`: JSON cannot write the body without losing something.
 * - `ERR_CLIENT_AUDIT_RECORD_INVALID`: no chain holds such an audit record.
 */
export type MemberErrorCode =
  | 'ERR_CLIENT_URL_INVALID'
  | 'ERR_CLIENT_URL_INSECURE'
  | 'ERR_CLIENT_TENANT_ID_INVALID'
  | 'ERR_CLIENT_OPTION_INVALID'
  | 'ERR_CLIENT_OPTION_UNKNOWN'
  | 'ERR_CLIENT_ITEM_INVALID'
  | 'ERR_CLIENT_PLAINTEXT_INVALID'
  | 'ERR_CLIENT_TOKEN_INVALID'
  | 'ERR_CLIENT_CONTEXT_INVALID'
  | 'ERR_CLIENT_KEY_NAME_INVALID'
  | 'ERR_CLIENT_FIELD_PATH_INVALID'
  | 'ERR_CLIENT_RECORD_INVALID'
  | 'ERR_CLIENT_RECORD_ID_INVALID'
  | 'ERR_CLIENT_FILE_INVALID'
  | 'ERR_CLIENT_RANGE_INVALID'
  | 'ERR_CLIENT_PIECE_INVALID'
  | 'ERR_CLIENT_ROUTE_UNKNOWN'
  | 'ERR_CLIENT_PARAMETER_INVALID'
  | 'ERR_CLIENT_BODY_INVALID'
  | 'ERR_CLIENT_AUDIT_RECORD_INVALID'

/**
 * Besides the codes for wrong arguments:
 *
 * - `ERR_CLIENT_UNREACHABLE`: no connection, no TLS, or the connection broke.
 * - `ERR_CLIENT_TIMEOUT`: no complete answer within `timeoutMs`; the server may or may not have acted.
 * - `ERR_CLIENT_BAD_REPLY`: an answer that Keyhold does not give, as from a proxy or another service.
 * - `ERR_CLIENT_NOT_TEXT`: the value decrypts, but it is not UTF-8; read it as bytes.
 * - `ERR_CLIENT_DISPOSED`: the client is disposed and holds no keys any more.
 * - `ERR_CLIENT_NEEDS_NODE`: `@keyhold/client/node` was bundled for a browser.
 */
export type ClientErrorCode =
  | MemberErrorCode
  | 'ERR_CLIENT_UNREACHABLE'
  | 'ERR_CLIENT_TIMEOUT'
  | 'ERR_CLIENT_BAD_REPLY'
  | 'ERR_CLIENT_NOT_TEXT'
  | 'ERR_CLIENT_DISPOSED'
  | 'ERR_CLIENT_NEEDS_NODE'

interface ClientErrorOptions {
  cause?: unknown
  member?: string | undefined
  status?: number | undefined
  retryAfterSeconds?: number | undefined
}

/** A call with a wrong argument, or without an answer from Keyhold. Tell the cases apart by `code`. */
export class KeyholdClientError extends Error {
  readonly code: ClientErrorCode
  /** The wrong argument, such as `items[3].context` or `options.timeoutMs`. */
  readonly member: string | undefined
  /** The status of a bad reply; proxies answer 502 or 503 where Keyhold is away. */
  readonly status: number | undefined
  /** Seconds to wait before the next try, where a proxy says so. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: ClientErrorCode, message: string, options?: ClientErrorOptions | null) {
    const { cause, member, status, retryAfterSeconds } = options ?? {}
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'KeyholdClientError'
    this.code = code
    this.member = member
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}
