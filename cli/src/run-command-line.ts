// From a command line to an exit code. Every error ends here and is reported once.
import { CommanderError } from 'commander'
import { createProgram } from './create-program.ts'
import { exitCodes } from './errors/exit-codes.ts'
import { reportError } from './errors/report-error.ts'
import { outputMode, type GlobalOptions } from './global-options.ts'
import type { Shell } from './shell.ts'

/** @param args - the words after `keyhold` */
export async function runCommandLine(args: readonly string[], shell: Shell): Promise<number> {
  const program = createProgram(shell)
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    // Commander has already written its message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    return reportError(shell, error, outputMode(program.opts<GlobalOptions>()))
  }
}
