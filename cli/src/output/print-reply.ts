// Answers on standard output, in the form that was asked for.
import { STATUS_CODES } from 'node:http'
import type { OutputMode } from '../global-options.ts'

/** How people read a body, and what -q prints of it. */
export interface View<Body> {
  text: (body: Body) => string
  ids: (body: Body) => string[]
}

export function printReply<Body>(
  mode: OutputMode,
  reply: { body: Body; text: string },
  { text, ids }: View<Body>,
): void {
  if (mode === 'raw') process.stdout.write(reply.text)
  else if (mode === 'json') console.log(reply.text.trimEnd())
  else if (mode === 'text') console.log(text(reply.body))
  else for (const id of ids(reply.body)) console.log(id)
}

/** For replies without a body: people see the status, as from the original; programs see nothing. */
export function printStatus(mode: OutputMode, { status }: { status: number }): void {
  if (mode === 'text') console.log(`${status} ${STATUS_CODES[status] ?? ''}`.trimEnd())
}
