// Says in one line why a command of `keyhold-server` has failed, and answers its exit code.
import { isKeyholdError } from '@keyhold/core'
import { usage } from './command-usage.ts'
import { wordsOfPostgres } from './driver/words-of-postgres.ts'

/**
 * @param write - receives the text for people
 * @throws the error itself where it is none that an operator can do something about: then Keyhold itself is wrong
 */
export function reportFailure(error: unknown, write: (text: string) => void): number {
  const say = (text: string) => {
    write(`keyhold-server: ${text}\n`)
  }
  if (isKeyholdError(error)) {
    say(`${error.message} (${error.code})`)
    return error.code === 'ERR_CONFIG_INVALID' ? 2 : 1
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    say(error.message)
    write(usage)
    return 2
  }
  const said = wordsOfPostgres(error)
  if (said !== undefined) {
    say(`The database has refused a statement. ${said}. ${adviceFor(error)}`)
    return 1
  }
  // For example a port in use: the system's message says which.
  if (error instanceof Error && 'syscall' in error) {
    say(error.message)
    return 1
  }
  throw error
}

/** Insufficient privilege, of PostgreSQL's appendix A. */
const noRight = '42501'

function adviceFor(error: unknown): string {
  return error instanceof Error && 'code' in error && error.code === noRight
    ? 'Give the role the rights of a server: run "keyhold-server migrate --serve-role ROLE" with the role that owns the tables.'
    : 'Look at the log of PostgreSQL, and run "keyhold-server doctor".'
}
