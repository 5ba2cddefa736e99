// How errors are said: on standard error a line that says what failed and, where it is known, one that says what to do;
// under --json the error envelope on standard output instead.
import { KeyholdApiError, KeyholdClientError, KeyholdItemError } from '@keyhold/client'
import { KeyholdError } from '@keyhold/client/node'
import { CliError } from './cli-error.ts'
import { exitCodeOf } from './exit-code-of.ts'
import type { OutputMode } from '../global-options.ts'
import { hintFor } from './hint-for.ts'
import { rootCause } from './root-cause.ts'
import { sayError, sayHint } from '../output/say.ts'

interface Problem {
  code: string
  title: string
  detail?: string | undefined
}

/** Says the error and answers the exit code. */
export function reportError(error: unknown, mode: OutputMode): number {
  const problems = problemsOf(error)
  if (mode === 'json') {
    if (error instanceof CliError && error.isPrinted) return exitCodeOf(error)
    console.log(JSON.stringify(error instanceof KeyholdApiError ? error.envelope : { errors: problems }))
    return exitCodeOf(error)
  }
  const origin = error instanceof KeyholdApiError ? `, status ${error.status}${traceOf(error)}` : ''
  for (const { code, title, detail } of problems) sayError(`${sentenceOf(title, detail)} (${code}${origin})`)
  const hint = hintFor(error)
  if (hint !== undefined) sayHint(hint)
  return exitCodeOf(error)
}

function problemsOf(error: unknown): Problem[] {
  if (error instanceof KeyholdApiError) return error.envelope.errors
  if (error instanceof KeyholdError) return [{ code: error.code, title: placed(error) }]
  if (error instanceof CliError || error instanceof KeyholdItemError)
    return [{ code: error.code, title: error.message }]
  if (error instanceof KeyholdClientError) {
    const detail = error.code === 'ERR_CLIENT_UNREACHABLE' ? rootCause(error)?.message : undefined
    return [{ code: error.code, title: error.message, detail }]
  }
  return [{ code: 'ERR_CLI_UNEXPECTED', title: error instanceof Error ? error.message : 'unexpected error' }]
}

// Where in a file something is wrong.
function placed({ message, details: { offset } }: KeyholdError): string {
  if (offset === undefined || /\bbyte \d/.test(message)) return message
  return `${message.replace(/\.$/, '')}, at byte ${offset}`
}

function sentenceOf(title: string, detail: string | undefined): string {
  if (detail === undefined || detail === title) return title
  return `${title.replace(/\.$/, '')}: ${detail}`
}

function traceOf({ traceId }: KeyholdApiError): string {
  return traceId === undefined ? '' : `, trace ${traceId}`
}
