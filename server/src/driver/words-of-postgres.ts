// The words of PostgreSQL about what it has refused. They name users, databases, tables and addresses, never a password. Its
// detail is not among them: that may hold values of a row.
import { shown } from './shown-text.ts'

export interface PostgresRefusal extends Error {
  /** Of appendix A of its manual. */
  code: string
}

/** Errors that the server has sent have a severity. */
export function isPostgresRefusal(error: unknown): error is PostgresRefusal {
  return (
    error instanceof Error &&
    'severity' in error &&
    'code' in error &&
    /^[0-9A-Z]{5}$/.test(String(error.code))
  )
}

/** Undefined: the error is not PostgreSQL's. */
export function wordsOfPostgres(error: unknown): string | undefined {
  return isPostgresRefusal(error)
    ? `PostgreSQL says: ${shown(error.message).replaceAll('\\"', '"')} (SQLSTATE ${error.code})`
    : undefined
}
