// What the command line itself has to say, besides the server and the client.
import type { exitCodes } from './exit-codes.ts'

interface CliErrorOptions {
  /** What to do next. */
  hint?: string
  /** Standard output says it already: under --json it is left at that. */
  isPrinted?: boolean
  cause?: unknown
}

/** An outcome that is no answer of the server. The code tells it apart under --json. */
export class CliError extends Error {
  readonly outcome: keyof typeof exitCodes
  readonly code: string
  readonly hint: string | undefined
  readonly isPrinted: boolean

  constructor(outcome: keyof typeof exitCodes, code: string, message: string, options: CliErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'CliError'
    this.outcome = outcome
    this.code = code
    this.hint = options.hint
    this.isPrinted = options.isPrinted ?? false
  }
}
