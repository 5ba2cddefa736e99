// How a command reaches the server: the options of every client that it makes.
import type { KeyholdClientOptions } from '@keyhold/client'
import { readEnvironment, trustAnyCertificate } from '../environment.ts'
import { CliError } from '../errors/cli-error.ts'
import type { GlobalOptions } from '../global-options.ts'
import { say } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import { fetchThroughProxy } from './fetch-through-proxy.ts'
import { readToken, type Caller } from './read-token.ts'

/** @throws CliError `configuration` without a server or a token */
export async function connectionOf(
  shell: Shell,
  options: GlobalOptions,
  caller: Caller,
): Promise<KeyholdClientOptions> {
  const url = options.server ?? readEnvironment(shell).url
  if (url === undefined) {
    throw new CliError('configuration', 'ERR_CLI_NO_URL', 'no server: KEYHOLD_URL is not set', {
      hint: 'run: set -a; . .keyhold/dev.env; set +a   or pass --server',
    })
  }
  const token = await readToken(shell, options.tokenFile, caller)
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
