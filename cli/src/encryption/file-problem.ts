// Errors of the disk and of the SDK about files, in words of the command line: they name the file as it was given, and
// the next step.
import { KeyholdFileError } from '@keyhold/client/node'
import { CliError } from '../errors/cli-error.ts'

export interface NamedFile {
  /** As it was given. */
  name: string
  /** From the root of the file system. */
  path: string
}

export interface NamedFiles {
  /** Undefined: standard input. */
  input: NamedFile | undefined
  /** Undefined: standard output. */
  output: NamedFile | undefined
}

/** The error to show instead of `error`; the same one where it is not about files. */
export function fileProblem(error: unknown, files: NamedFiles): unknown {
  const { input, output } = files
  if (error instanceof KeyholdFileError) {
    const name = nameOf(error.path, files)
    if (error.code === 'ERR_FILE_TARGET_EXISTS') return outputExists(name)
    const message = error.message.replace(error.path, () => name)
    return new CliError('usage', 'ERR_CLI_FILE', message, { cause: error })
  }
  if (!(error instanceof Error) || !isSystemError(error)) return error
  // "ENOSPC: no space left on device, write": the code and the call say nothing to people.
  const reason = /^[A-Z0-9_]+: (.*?), [a-z]+/.exec(error.message)?.[1] ?? error.message
  const isInput = error.path === undefined ? error.syscall === 'read' : error.path === input?.path
  if (isInput) {
    const message = `cannot read ${input?.name ?? 'standard input'}: ${reason}`
    return new CliError('usage', 'ERR_CLI_FILE', message, { cause: error })
  }
  const outcome = error.syscall === 'open' ? 'usage' : 'failed'
  const message = `cannot write ${output?.name ?? 'standard output'}: ${reason}`
  return new CliError(outcome, 'ERR_CLI_FILE', message, { cause: error })
}

export function outputExists(name: string): CliError {
  return new CliError('usage', 'ERR_CLI_FILE_EXISTS', `${name} exists already`, {
    hint: '--force replaces it',
  })
}

function nameOf(path: string, { input, output }: NamedFiles): string {
  return [input, output].find((file) => file?.path === path)?.name ?? path
}

function isSystemError(error: Error): error is NodeJS.ErrnoException {
  return 'syscall' in error && 'code' in error
}
