// What a command works with: a client with the right token, retries, and the way answers are printed.
import {
  createKeyholdClient,
  type CallArguments,
  type KeyholdClient,
  type Reply,
  type RouteId,
} from '@keyhold/client'
import type { Command } from 'commander'
import { connectionOf } from './connection.ts'
import { outputMode, type GlobalOptions, type OutputMode } from '../global-options.ts'
import type { Caller } from './read-token.ts'
import { withRetries } from './with-retries.ts'

export interface Session {
  /** Calls a route, again as often as --retry allows. */
  call: KeyholdClient['call']
  /** Calls a route once. */
  callOnce: KeyholdClient['call']
  mode: OutputMode
  intervalMs: number
}

/** @throws CliError `configuration` without a server or a token; KeyholdClientError for a URL that is not usable. */
export async function openSession(command: Command, caller: Caller): Promise<Session> {
  const options = command.optsWithGlobals<GlobalOptions>()
  const client = createKeyholdClient(await connectionOf(options, caller))
  const intervalMs = options.interval * 1000
  return {
    call: <Id extends RouteId>(routeId: Id, ...rest: CallArguments<Id>): Promise<Reply<Id>> =>
      withRetries(() => client.call(routeId, ...rest), { times: options.retry, intervalMs }),
    callOnce: (routeId, ...rest) => client.call(routeId, ...rest),
    mode: outputMode(options),
    intervalMs,
  }
}
