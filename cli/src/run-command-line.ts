// From a command line to an exit code. Every error ends here and is said once.
import { CommanderError } from 'commander'
import { createProgram } from './create-program.ts'
import { exitCodes } from './errors/exit-codes.ts'
import { outputMode, type GlobalOptions } from './global-options.ts'
import { reportError } from './errors/report-error.ts'

export async function runCommandLine(args: string[]): Promise<number> {
  const program = createProgram()
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    // Commander has written its message, or the help that was asked for, already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    return reportError(error, outputMode(program.opts<GlobalOptions>()))
  }
}
