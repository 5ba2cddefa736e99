// What the disk and the SDK say about files, in words of the command line: which of its files is meant, and what to do.
import { KeyholdFileError } from '@keyhold/client/node'
import { CliError } from '../errors/cli-error.ts'

export interface NamedFiles {
  /** Undefined: standard input. */
  input: string | undefined
  /** Undefined: standard output. */
  output: string | undefined
}

/** The error to show instead of `error`, which is itself where it is not about files. */
export function fileProblem(error: unknown, { input, output }: NamedFiles): unknown {
  if (error instanceof KeyholdFileError) {
    return error.code === 'ERR_FILE_TARGET_EXISTS'
      ? outputExists(error.path)
      : new CliError('usage', 'ERR_CLI_FILE', error.message, { cause: error })
  }
  if (!(error instanceof Error) || !isOfTheSystem(error)) return error
  // "ENOSPC: no space left on device, write": the code and the call say nothing to people.
  const reason = /^[A-Z0-9_]+: (.*?), [a-z]+/.exec(error.message)?.[1] ?? error.message
  if (error.path === input ? input !== undefined : error.syscall === 'read') {
    const message = `cannot read ${input ?? 'standard input'}: ${reason}`
    return new CliError('usage', 'ERR_CLI_FILE', message, { cause: error })
  }
  const outcome = error.syscall === 'open' ? 'usage' : 'failed'
  const message = `cannot write ${output ?? 'standard output'}: ${reason}`
  return new CliError(outcome, 'ERR_CLI_FILE', message, { cause: error })
}

export function outputExists(path: string): CliError {
  return new CliError('usage', 'ERR_CLI_FILE_EXISTS', `${path} exists already`, {
    hint: '--force replaces it',
  })
}

function isOfTheSystem(error: Error): error is NodeJS.ErrnoException {
  return 'syscall' in error && 'code' in error
}
