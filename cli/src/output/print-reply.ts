// Answers on standard output, in the form that was asked for.
import { STATUS_CODES } from 'node:http'
import type { OutputMode } from '../global-options.ts'
import type { Shell } from '../shell.ts'

/** The text of a body for people, and the ids that -q prints. */
export interface View<Body> {
  text: (body: Body) => string
  ids: (body: Body) => string[]
}

export function printReply<Body>(
  { stdout }: Shell,
  mode: OutputMode,
  reply: { body: Body; text: string },
  { text, ids }: View<Body>,
): void {
  if (mode === 'raw') stdout.write(reply.text)
  else if (mode === 'json') stdout.write(`${reply.text.trimEnd()}\n`)
  else if (mode === 'text') stdout.write(`${text(reply.body)}\n`)
  else for (const id of ids(reply.body)) stdout.write(`${id}\n`)
}

/** For replies without a body: people see the status, as from the original; programs see nothing. */
export function printStatus({ stdout }: Shell, mode: OutputMode, { status }: { status: number }): void {
  if (mode === 'text') stdout.write(`${`${status} ${STATUS_CODES[status] ?? ''}`.trimEnd()}\n`)
}
