// From an error to its exit code.
import { KeyholdApiError, KeyholdClientError, KeyholdItemError } from '@keyhold/client'
import { KeyholdError } from '@keyhold/client/node'
import { CliError } from './cli-error.ts'
import { exitCodes } from './exit-codes.ts'

const conflicts = [409, 412, 423, 424, 428]
const unavailable = [408, 429, 503]

export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return exitCodes[error.outcome]
  if (error instanceof KeyholdApiError) return exitCodeOfRefusal(error)
  if (error instanceof KeyholdClientError) {
    if (error.code === 'ERR_CLIENT_URL_INVALID') return exitCodes.configuration
    // Everything else that the client refuses comes from the command line.
    if (error.member !== undefined && error.code !== 'ERR_CLIENT_URL_INSECURE') return exitCodes.usage
    // A proxy answers for a Keyhold that is away. Another answer in a form of its own is not a Keyhold's.
    return error.status !== undefined && error.status >= 500
      ? exitCodeOfStatus(error.status)
      : exitCodes.unreachable
  }
  // A context comes only from the command line.
  const isWrongContext = error instanceof KeyholdError || error instanceof KeyholdItemError
  return isWrongContext && error.code === 'ERR_CONTEXT_INVALID' ? exitCodes.usage : exitCodes.failed
}

/** Whether the same call may succeed later although nobody changes anything. */
export function isTemporary(error: unknown): error is KeyholdApiError | KeyholdClientError {
  if (error instanceof KeyholdApiError) return unavailable.includes(error.status)
  if (!(error instanceof KeyholdClientError)) return false
  if (error.status !== undefined) return unavailable.includes(error.status)
  return error.code === 'ERR_CLIENT_UNREACHABLE' || error.code === 'ERR_CLIENT_TIMEOUT'
}

function exitCodeOfRefusal(error: KeyholdApiError): number {
  // One route of the wire answers 406 where the others answer 428.
  return error.code === 'ERR_MIGRATION_RUNNING' ? exitCodes.conflict : exitCodeOfStatus(error.status)
}

function exitCodeOfStatus(status: number): number {
  if (status === 401) return exitCodes.unauthenticated
  if (status === 403) return exitCodes.forbidden
  if (status === 404) return exitCodes.notFound
  if (conflicts.includes(status)) return exitCodes.conflict
  if (unavailable.includes(status)) return exitCodes.unavailable
  return status >= 500 ? exitCodes.serverFailed : exitCodes.failed
}
