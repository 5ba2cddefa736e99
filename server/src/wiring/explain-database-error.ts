// Why a connection to the database failed, and what to do. PostgreSQL's own words are passed on, with their SQLSTATE: they name
// users, databases and addresses, never a password. No part of the URL is shown: where a password has a character that needs
// percent-encoding, parts of it stand where the URL has its host.
import { isKeyholdError, KeyholdError, type ErrorCode } from '@keyhold/core'
import { isPostgresRefusal, wordsOfPostgres } from '../driver/words-of-postgres.ts'
import { isDatabaseUnavailable } from '../store/database.ts'
import { shown } from '../driver/shown-text.ts'

const setting = 'KEYHOLD_DATABASE_URL'

// Appendix A of PostgreSQL's manual.
const adviceByState: Readonly<Record<string, string>> = {
  '28P01': `correct the user or the password in ${setting}`,
  '3D000': `create the database that ${setting} names, empty, and start again`,
  '42501':
    'give the role the right to connect, and the rights of a server: run "keyhold-server migrate --serve-role"',
  '53300': 'raise max_connections, or lower KEYHOLD_DATABASE_CONNECTIONS',
  '57P03': 'wait until it has started, or set KEYHOLD_DATABASE_WAIT_SECONDS',
}

const untrusted: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'has signed itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'comes from an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'comes from an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'comes from an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'comes from an authority that is not known here',
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet, or the clock of this machine is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'names another host',
}

// A file that the URL names: sslrootcert, sslcert, sslkey.
const fileProblems = new Set(['ENOENT', 'EACCES', 'EISDIR', 'EPERM'])

export function explainDatabaseError(cause: unknown): KeyholdError {
  if (isKeyholdError(cause)) return cause
  const { code, message } = partsOf(cause)
  if (isPostgresRefusal(cause)) return explainAnswer(cause, code, message)
  if (code in untrusted) {
    return wrong(
      `The certificate of the database server ${untrusted[code] ?? ''} (${code}): name its authority in ${setting} with sslmode=verify-full&sslrootcert=FILE, and the host as its certificate does`,
      cause,
    )
  }
  if (fileProblems.has(code) && cause instanceof Error && 'syscall' in cause && cause.syscall !== 'connect') {
    const file = 'path' in cause ? ` ${shown(String(cause.path))}` : ''
    return wrong(
      `A file that ${setting} names cannot be read:${file} (${code}). Correct sslrootcert, sslcert or sslkey, or give Keyhold's user access`,
      cause,
    )
  }
  if (message.includes('does not support SSL'))
    return wrong(
      `The database server speaks no TLS, which sslmode in ${setting} asks for: switch "ssl" on there`,
      cause,
    )
  if (isDatabaseUnavailable(cause)) return unavailable(code, cause)
  return wrong(
    `${setting} cannot be used: check its form, host and port, and percent-encode each of : / ? # [ ] @ % in the user and the password`,
    cause,
  )
}

function explainAnswer(cause: Error, state: string, message: string): KeyholdError {
  const said = wordsOfPostgres(cause) ?? ''
  if (/startup parameter|unrecognized configuration parameter/.test(message)) {
    const advice =
      'connect without a pooler, or let it pass on startup options (PgBouncer: track_extra_parameters = search_path, session mode)'
    return wrong(
      `The database server refuses the options of the start, which name the search path. ${said}. What to do: ${advice}`,
      cause,
    )
  }
  if (/no encryption|SSL off/.test(message))
    return wrong(
      `The database server wants TLS, or refuses this host. ${said}. What to do: add sslmode=verify-full&sslrootcert=FILE to ${setting}, or a line to its pg_hba.conf`,
      cause,
    )
  const advice =
    adviceByState[state] ??
    (state.startsWith('28')
      ? `correct the user in ${setting}, or pg_hba.conf`
      : `check ${setting} and the log of PostgreSQL`)
  const isAway = isDatabaseUnavailable(cause)
  const code: ErrorCode = isAway ? 'ERR_DATABASE_UNAVAILABLE' : 'ERR_CONFIG_INVALID'
  const what = isAway
    ? 'The database server takes no connection now'
    : `The database server refuses ${setting}`
  return new KeyholdError(code, { message: `${what}. ${said}. What to do: ${advice}.`, cause })
}

function unavailable(code: string, cause: unknown): KeyholdError {
  const why = code === '' ? '' : ` (${code})`
  const encode =
    code === 'ENOTFOUND' || code === 'EAI_AGAIN'
      ? ' Its host has no address: is it right, and are special characters in the password percent-encoded?'
      : ''
  return new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
    message: `The database server cannot be reached${why}: check ${setting} and that PostgreSQL runs.${encode}`,
    cause,
  })
}

function wrong(message: string, cause: unknown): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', { message: `${message}.`, cause })
}

function partsOf(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: '', message: '' }
  return { code: 'code' in error && typeof error.code === 'string' ? error.code : '', message: error.message }
}
