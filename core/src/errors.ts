// The one error class, and what can be asked about an error: its summary, whether trying again may help, what it says
// about a key. The table of all errors is in error-table.ts.
import { errorTable, type ErrorCode, type ErrorKind } from './error-table.ts'

export type { ErrorCode, ErrorKind } from './error-table.ts'

/** All codes, in the order of the table. */
export const errorCodes = Object.keys(errorTable) as ErrorCode[]

/** One sentence that says what the code means, whatever the occasion. */
export function errorSummary(code: ErrorCode): string {
  return errorTable[code].summary
}

/** Whether the same request may succeed later without a change by the caller. */
export function isRetryable(code: ErrorCode): boolean {
  return errorTable[code].retryable
}

/**
 * The meaning of the code for a key. A code that this version does not know was stored by a newer one; it counts as a
 * denial, which is the safe side.
 */
export function kindOf(code: string): ErrorKind {
  return isErrorCode(code) ? errorTable[code].kind : 'denial'
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code)
}

/**
 * Whether a denial comes from a policy, which may admit one tenant and deny another, as a proxy of an external key store
 * may. All other denials are states of the key itself, for every tenant, and no waiting changes them.
 */
export function isPolicyDenial(code: string): boolean {
  return code === 'ERR_KMS_DENIED' || code === 'Encryption-88' || code === 'ERR_KMS_EXTERNAL_KEY_DENIED'
}

/** Whether an outage is one of the store behind a single customer's keys. It says nothing about their region. */
export function isKeyStoreOutage(code: string): boolean {
  return code === 'ERR_KMS_KEY_STORE_UNREACHABLE' || code === 'ERR_KMS_KEY_STORE_THROTTLED'
}

/** How another region failed that was asked because the key's own region was away. */
export interface StandInFailure {
  region: string
  code: ErrorCode
}

/** The parts of an error besides its code. None may hold a secret, a plaintext, a token or a whole input. */
export interface KeyholdErrorOptions {
  /** The caller sees it: it says what happened this time. Default: the code's summary. */
  message?: string
  cause?: unknown
  /** Facts for the program that handles the error. */
  details?: Readonly<Record<string, string>>
  /** The regions that were asked in place of the key's own, none of which answered. */
  standIns?: readonly StandInFailure[]
}

// The SDK hands the class out: an error that cannot be made would hide the one that it was made for.
const summaries: Partial<Record<string, { summary: string }>> = errorTable

/** The one error class. Tell errors apart by `code`, not by class: a code survives HTTP. */
export class KeyholdError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, string>>
  readonly standIns: readonly StandInFailure[]

  constructor(code: ErrorCode, options?: KeyholdErrorOptions | null) {
    const { message = summaries[code]?.summary ?? code, cause, details = {}, standIns = [] } = options ?? {}
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'KeyholdError'
    this.code = code
    this.details = details
    this.standIns = standIns
  }
}

/** Whether `error` is a Keyhold error, with one of `codes` where codes are given. */
export function isKeyholdError(error: unknown, ...codes: ErrorCode[]): error is KeyholdError {
  return error instanceof KeyholdError && (codes.length === 0 || codes.includes(error.code))
}

/** Whether `error` is a Keyhold error of one of `kinds`. */
export function isErrorOfKind(error: unknown, ...kinds: ErrorKind[]): error is KeyholdError {
  return error instanceof KeyholdError && kinds.includes(kindOf(error.code))
}
