// Turns anything that was thrown into a reply: the status of the contract's table and the envelope, without internals.
import { statusOf, type ErrorEnvelope, type RouteId } from '@keyhold/contract'
import { errorSummary, isKeyholdError, KeyholdError, type ErrorCode } from '@keyhold/core'
import { isDatabaseUnavailable } from '../../store/database.ts'

const codeByFrameworkCode: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'ERR_PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'ERR_UNSUPPORTED_MEDIA_TYPE',
}

/** Turns anything that was thrown into a Keyhold error. */
export function toKeyholdError(error: unknown): KeyholdError {
  if (isKeyholdError(error)) return error
  if (isDatabaseUnavailable(error)) return new KeyholdError('ERR_DATABASE_UNAVAILABLE', { cause: error })
  if (typeof error === 'object' && error !== null) {
    const code =
      'code' in error && typeof error.code === 'string' ? codeByFrameworkCode[error.code] : undefined
    if (code !== undefined) return new KeyholdError(code, { cause: error })
    // Refusals by the framework: a wrong content length, a bad URL.
    if ('statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500) {
      return new KeyholdError('ERR_INVALID_REQUEST', { cause: error })
    }
  }
  return new KeyholdError('ERR_INTERNAL', { cause: error })
}

export interface ErrorReply {
  status: number
  headers: Record<string, string>
  body: ErrorEnvelope
}

const usualRetryAfterSeconds = '1'

export function errorReply(error: KeyholdError, traceId: string, routeId: RouteId | undefined): ErrorReply {
  const { code, message, details } = error
  const status = statusOf(code, routeId)
  const title = errorSummary(code)
  // A failure of the server shows its code only.
  const detail = status < 500 && message !== title ? { detail: message } : {}
  return {
    status,
    headers: {
      ...(status === 401 && { 'www-authenticate': 'Bearer realm="keyhold"' }),
      ...(details.allow !== undefined && { allow: details.allow }),
      ...((status === 429 || status === 503) && {
        'retry-after': details.retryAfterSeconds ?? usualRetryAfterSeconds,
      }),
    },
    body: { errors: [{ code, title, ...detail }], traceId },
  }
}
