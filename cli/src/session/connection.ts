// How a command reaches the server: what every client of this process is made with.
import type { KeyholdClientOptions } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import { readEnvironment, trustAnyCertificate } from '../environment.ts'
import type { GlobalOptions } from '../global-options.ts'
import { readToken, type Caller } from './read-token.ts'
import { say } from '../output/say.ts'

/** @throws CliError `configuration` without a server or a token */
export async function connectionOf(options: GlobalOptions, caller: Caller): Promise<KeyholdClientOptions> {
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
  return {
    url,
    token,
    insecure,
    headers: options.headers ?? {},
    fetch: options.verbose ? fetchNamingRequests : fetch,
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
