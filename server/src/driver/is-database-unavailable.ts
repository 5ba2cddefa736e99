// Which errors mean that the database cannot be asked now, or not over this connection.
import { isKeyholdError } from '@keyhold/core/errors'

// Classes and codes of PostgreSQL's appendix A: connection exceptions, insufficient resources such as a full disk,
// operator intervention, idle for too long in a transaction, read only as on a standby; and errors that a repetition
// cures, which are serialization failures, deadlocks, and statements whose tables are others than when they were parsed.
const unavailableState = /^(08...|53...|55P03|57014|57P0[1-5]|25P03|25006|40001|40P01|0A000)$/
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
])
const driverMessages =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error)/

/**
 * Whether an error means that the database is not available now, and not that the query was wrong. A connection whose turn
 * does not come is not available either.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (isKeyholdError(error, 'ERR_TENANT_BUSY', 'ERR_SERVER_BUSY', 'ERR_DATABASE_UNAVAILABLE')) return true
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return unavailableState.test(code) || networkCodes.has(code) || driverMessages.test(error.message)
}

const certificateCodes =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT_|ERR_SSL_)/
const withoutTls = 'The server does not support SSL connections'

/** Whether a host has not shown that it is the one that is meant: another host has a certificate of its own. */
export function isUnverified(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (
    ('code' in error && certificateCodes.test(String(error.code))) || error.message.startsWith(withoutTls)
  )
}

// A server that takes no changes (any more), and one that ends.
const spentState = /^(25006|57P0[1235])$/

/** Whether an error that PostgreSQL has sent says that its connection is of no use from now on. */
export function spendsConnection(code: string): boolean {
  return spentState.test(code)
}
