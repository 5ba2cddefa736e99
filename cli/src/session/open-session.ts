// A session: a client with the right token, its retries, and the form in which answers are printed.
import {
  createKeyholdClient,
  type CallArguments,
  type KeyholdCall,
  type Reply,
  type RouteId,
} from '@keyhold/client'
import { mayRepeat, withRetries } from '@keyhold/client/retries'
import { outputMode, type GlobalOptions, type OutputMode } from '../global-options.ts'
import { printReply, printStatus, type View } from '../output/print-reply.ts'
import { say } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import { connectionOf } from './connection.ts'
import type { Caller } from './read-token.ts'

export interface Session {
  /** Calls a route, and again as often as --retry and the SDK's rule allow. */
  call: KeyholdCall
  /** Calls a route once. */
  callOnce: KeyholdCall
  /** The id of the API key whose token is used. Undefined: it is none of the known form. */
  readonly ownApiKeyId: string | undefined
  readonly shell: Shell
  readonly mode: OutputMode
  readonly intervalMs: number
  print<Body>(reply: { body: Body; text: string }, view: View<Body>): void
  /** Prints a body that the command itself has put together. */
  printBody<Body>(body: Body, view: View<Body>): void
  printStatus(reply: { status: number }): void
  /** Says something to people; programs, which read --json, --raw or -q, do not hear it. */
  remark(text: string): void
}

/** @throws CliError `configuration` without a server or a token; KeyholdClientError for a URL that is not usable */
export async function openSession(shell: Shell, options: GlobalOptions, caller: Caller): Promise<Session> {
  const { client: connection } = await connectionOf(shell, options, caller)
  const client = createKeyholdClient(connection)
  const mode = outputMode(options)
  const intervalMs = options.interval * 1000
  const retries = {
    maxRetries: options.retry,
    // People see each try and can end the waiting themselves.
    totalMs: Infinity,
    signal: undefined,
    pauseMs: (_retry: number, wishMs: number) => Math.max(intervalMs, wishMs),
    onRetry(error: unknown, retry: number, pauseMs: number) {
      say(shell, `${reasonOf(error)}; trying again in ${pauseMs / 1000} s (${retry + 1} of ${options.retry})`)
    },
  }
  return {
    call: <Id extends RouteId>(routeId: Id, ...rest: CallArguments<Id>): Promise<Reply<Id>> =>
      withRetries(() => client.call(routeId, ...rest), {
        ...retries,
        mayRepeat: (error) => mayRepeat(routeId, error),
      }),
    ownApiKeyId: /^khk?_([0-9a-z]{16})_/.exec(connection.token)?.[1],
    callOnce: (routeId, ...rest) => client.call(routeId, ...rest),
    shell,
    mode,
    intervalMs,
    print(reply, view) {
      printReply(shell, mode, reply, view)
    },
    printBody(body, view) {
      printReply(shell, mode, { body, text: JSON.stringify(body) }, view)
    },
    printStatus(reply) {
      printStatus(shell, mode, reply)
    },
    remark(text) {
      if (mode === 'text') say(shell, text)
    },
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  return 'code' in error ? `${error.message} (${String(error.code)})` : error.message
}
