// The error of this room. It says what happened, in PostgreSQL's or the system's own words, and what the operator
// can do.

import { KeyholdError } from '@keyhold/core/errors'

const wayOut = 'Or set KEYHOLD_DATABASE_URL to use a PostgreSQL server of your own.'

/** Creates an ERR_EMBEDDED_POSTGRES. Its message is `what`, then `advice`, then the way out that always exists. */
export function embeddedPostgresError(what: string, advice: string, cause?: unknown): KeyholdError {
  return new KeyholdError('ERR_EMBEDDED_POSTGRES', { message: `${what} ${advice} ${wayOut}`, cause })
}

/** The message of anything that was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether the system refused with one of these codes, such as ENOENT. */
export function isSystemError(error: unknown, ...codes: string[]): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
  )
}
