// What a command works with: a client with the right token, retries, and the way answers are printed.
import {
  createKeyholdClient,
  type CallArguments,
  type KeyholdClient,
  type Reply,
  type RouteId,
} from '@keyhold/client'
import type { Command } from 'commander'
import { CliError } from './cli-error.ts'
import { readEnvironment, trustAnyCertificate } from './environment.ts'
import { outputMode, type GlobalOptions, type OutputMode } from './global-options.ts'
import { readToken, type Caller } from './read-token.ts'
import { say } from './say.ts'
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
  const environment = readEnvironment()
  const url = options.server ?? environment.url
  if (url === undefined) {
    throw new CliError('configuration', 'ERR_CLI_NO_URL', 'no server: KEYHOLD_URL is not set', {
      hint: 'run: set -a; . .keyhold/dev.env; set +a   or pass --server',
    })
  }
  const token = await readToken(options.tokenFile, environment, caller)
  const insecure = options.insecure ?? false
  if (insecure) trustAnyCertificate()
  const client = createKeyholdClient({
    url,
    token,
    insecure,
    headers: options.headers ?? {},
    fetch: options.verbose ? fetchNamingRequests : fetch,
  })
  const intervalMs = options.interval * 1000
  return {
    call: <Id extends RouteId>(routeId: Id, ...rest: CallArguments<Id>): Promise<Reply<Id>> =>
      withRetries(() => client.call(routeId, ...rest), { times: options.retry, intervalMs }),
    callOnce: (routeId, ...rest) => client.call(routeId, ...rest),
    mode: outputMode(options),
    intervalMs,
  }
}

// Method, address and status; never a header, as one of them is the token.
async function fetchNamingRequests(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  const request = `${init?.method ?? 'GET'} ${input instanceof Request ? input.url : input.toString()}`
  const start = performance.now()
  const response = await fetch(input, init)
  say(`${request} ${response.status} in ${Math.round(performance.now() - start)} ms`)
  return response
}
