// How errors are reported. Standard error gets a line with the failure and, where it is known, one with the next step.
// Under --json, standard output gets the error envelope instead.
import { KeyholdApiError, KeyholdClientError, KeyholdItemError } from '@keyhold/client'
import { KeyholdError } from '@keyhold/client/node'
import { CliError } from './cli-error.ts'
import { exitCodeOf } from './exit-code-of.ts'
import type { OutputMode } from '../global-options.ts'
import { sayError, sayHint } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import { hintFor } from './hint-for.ts'
import { rootCause } from './root-cause.ts'

interface Problem {
  code: string
  title: string
  detail?: string | undefined
}

/** Reports the error and answers the exit code. */
export function reportError(shell: Shell, error: unknown, mode: OutputMode): number {
  const problems = problemsOf(error)
  if (mode === 'json') {
    if (error instanceof CliError && error.isPrinted) return exitCodeOf(error)
    const envelope = error instanceof KeyholdApiError ? error.envelope : { errors: problems }
    shell.stdout.write(`${JSON.stringify(envelope)}\n`)
    return exitCodeOf(error)
  }
  const origin = error instanceof KeyholdApiError ? `, status ${error.status}${traceOf(error)}` : ''
  for (const { code, title, detail } of problems)
    sayError(shell, `${sentenceOf(title, detail)} (${code}${origin})`)
  const hint = hintFor(error)
  if (hint !== undefined) sayHint(shell, hint)
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

// The message with the byte of the file where something is wrong.
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
