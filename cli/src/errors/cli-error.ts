// Errors of the command line itself. The others are the server's and the client's.
import type { exitCodes } from './exit-codes.ts'

interface CliErrorOptions {
  /** The next step. */
  hint?: string
  /** Standard output shows it already: under --json nothing more is printed. */
  isPrinted?: boolean
  cause?: unknown
}

/** An outcome that is not an answer of the server. Under --json its code tells it apart. */
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
