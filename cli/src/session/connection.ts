// How a command reaches the server: the options of every client that it makes.
import type { KeyholdClientOptions } from '@keyhold/client'
import { trustAnyCertificate } from '../environment.ts'
import type { GlobalOptions } from '../global-options.ts'
import { say } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import { chooseServer } from './choose-server.ts'
import { fetchThroughProxy } from './fetch-through-proxy.ts'
import { readToken, type Caller } from './read-token.ts'
import { trustAuthoritiesIn } from './trust-authorities.ts'

/** Of a command line, which runs for no longer than its token is valid. */
export interface ClientConnection extends KeyholdClientOptions {
  token: string
}

export interface Connection {
  client: ClientConnection
  /** That of the context whose token it is. */
  tenantId: string | undefined
}

/** @throws CliError `configuration` without a server or a token */
export async function connectionOf(
  shell: Shell,
  options: GlobalOptions,
  caller: Caller,
): Promise<Connection> {
  const server = await chooseServer(shell, options)
  const { token, tenantId } = await readToken(shell, options, server, caller)
  return { client: connectionTo(shell, options, server.url, token), tenantId }
}

/** The connection to a server that is chosen already. */
export function connectionTo(
  shell: Shell,
  options: Pick<GlobalOptions, 'insecure' | 'caFile' | 'headers' | 'verbose'>,
  url: string,
  token: string,
): ClientConnection {
  if (options.caFile !== undefined) trustAuthoritiesIn(options.caFile)
  const insecure = options.insecure ?? false
  if (insecure) trustAnyCertificate(shell)
  const send = fetchThroughProxy(shell, url)
  return {
    url,
    token,
    insecure,
    headers: options.headers ?? {},
    fetch: options.verbose ? fetchNamingRequests(shell, send) : send,
  }
}

// Names method, address and status. It never names a header: one of them is the token.
function fetchNamingRequests(shell: Shell, send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const request = `${init?.method ?? 'GET'} ${input instanceof Request ? input.url : input.toString()}`
    const start = performance.now()
    const response = await send(input, init)
    say(shell, `${request} ${response.status} in ${Math.round(performance.now() - start)} ms`)
    return response
  }
}
