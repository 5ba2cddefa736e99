// How a command reaches the server: the options of every client that it makes.
import type { KeyholdClientOptions } from '@keyhold/client'
import type { ServerFiles } from '../contexts/parse-contexts.ts'
import { trustAnyCertificate } from '../environment.ts'
import { CliError } from '../errors/cli-error.ts'
import type { GlobalOptions } from '../global-options.ts'
import { say } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import { chooseServer } from './choose-server.ts'
import { fetchThroughProxy, proxyOf } from './fetch-through-proxy.ts'
import { fetchWithCertificate, type CertificateFiles } from './fetch-with-certificate.ts'
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
  return { client: connectionTo(shell, { ...options, ...server.files }, server.url, token), tenantId }
}

/** The connection to a server that is chosen already. */
export function connectionTo(
  shell: Shell,
  options: Pick<GlobalOptions, 'insecure' | 'headers' | 'verbose' | keyof ServerFiles>,
  url: string,
  token: string,
): ClientConnection {
  if (options.caFile !== undefined) trustAuthoritiesIn(options.caFile)
  const insecure = options.insecure ?? false
  if (insecure) trustAnyCertificate(shell)
  const certificate = certificateOf(options)
  const send =
    certificate === undefined
      ? fetchThroughProxy(shell, url)
      : fetchWithCertificate(certificate, proxyOf(shell, url))
  return {
    url,
    token,
    insecure,
    headers: options.headers ?? {},
    fetch: options.verbose ? fetchNamingRequests(shell, send) : send,
  }
}

function certificateOf({ clientCertificate, clientKey }: ServerFiles): CertificateFiles | undefined {
  if (clientCertificate !== undefined && clientKey !== undefined)
    return { certificate: clientCertificate, key: clientKey }
  if (clientCertificate === undefined && clientKey === undefined) return undefined
  throw new CliError(
    'configuration',
    'ERR_CLI_CERTIFICATE',
    '--client-certificate and --client-key go together',
  )
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
