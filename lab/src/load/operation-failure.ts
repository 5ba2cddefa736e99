// The cause of a failed operation, as its caller sees it in the end.
import { KeyholdApiError, KeyholdClientError, KeyholdItemError } from '@keyhold/client/node'

/** A request past the SDK that was refused, or was not answered at all. */
export class OperationFailure extends Error {
  readonly code: string
  /** Undefined: no answer came. */
  readonly status: number | undefined
  readonly retryAfterMs: number

  constructor(code: string, facts: { status?: number; retryAfterMs?: number; cause?: unknown }) {
    super(code, { cause: facts.cause })
    this.code = code
    this.status = facts.status
    this.retryAfterMs = facts.retryAfterMs ?? 0
  }
}

export interface FailureCause {
  code: string
  /** No answer came from the server. */
  isUnanswered: boolean
}

/** Undefined for a failure of this program, rather than of the server or the way to it. */
export function failureCauseOf(error: unknown): FailureCause | undefined {
  if (error instanceof KeyholdClientError)
    return { code: error.code, isUnanswered: error.code === 'ERR_CLIENT_UNREACHABLE' }
  if (error instanceof OperationFailure)
    return { code: nameOf(error.status, error.code), isUnanswered: error.status === undefined }
  if (error instanceof KeyholdApiError) return { code: nameOf(error.status, error.code), isUnanswered: false }
  if (error instanceof KeyholdItemError) return { code: `item ${error.code}`, isUnanswered: false }
  return undefined
}

function nameOf(status: number | undefined, code: string): string {
  return status === undefined ? code : `${status} ${code}`
}
