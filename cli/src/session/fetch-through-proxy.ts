// Node's fetch, through the proxy that HTTPS_PROXY and NO_PROXY name for the server, if there is one.
import { proxyFor } from '@keyhold/core/proxy-for'
import http from 'node:http'
import { readProxyRules } from '../environment.ts'
import { CliError } from '../errors/cli-error.ts'
import { rootCause } from '../errors/root-cause.ts'
import type { Shell } from '../shell.ts'

const connectCodes = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]

/** @throws CliError `configuration` for a proxy that is none, and on a Node.js that would go past it */
export function fetchThroughProxy(shell: Shell, url: string): typeof fetch {
  const proxy = proxyOf(shell, url)
  if (proxy === undefined) return fetch
  if (typeof http.setGlobalProxyFromEnv !== 'function') {
    throw new CliError('configuration', 'ERR_CLI_PROXY', 'HTTPS_PROXY needs Node.js 24.14 or later')
  }
  // All that this process calls over TLS is the server.
  http.setGlobalProxyFromEnv({ HTTPS_PROXY: proxy.href })
  return async (input, init) => {
    try {
      return await fetch(input, init)
    } catch (error) {
      const problem = error instanceof Error ? problemOf(error) : undefined
      if (problem === undefined) throw error
      const cause = Object.assign(new Error(`the proxy ${proxy.host} of HTTPS_PROXY ${problem}`), {
        code: 'ERR_CLI_PROXY',
      })
      // The cause is the one that people read.
      // oxlint-disable-next-line preserve-caught-error
      throw new TypeError('fetch failed', { cause })
    }
  }
}

export function proxyOf(shell: Shell, url: string): URL | undefined {
  // The client says what is wrong with the address of the server.
  if (!URL.canParse(url)) return undefined
  try {
    return proxyFor(new URL(url), readProxyRules(shell))
  } catch (cause) {
    const message = 'HTTPS_PROXY is not the URL of a proxy'
    throw new CliError('configuration', 'ERR_CLI_PROXY', message, { cause, hint: 'http://host:port' })
  }
}

// Every connection goes to the proxy: where none comes about, it is the proxy that is away.
function problemOf(error: Error): string | undefined {
  const cause = rootCause(error)
  const [, status] = /^Proxy response \((\d{3})\)/.exec(cause?.message ?? '') ?? []
  if (status === '407') return 'asks for other credentials (407)'
  if (status !== undefined) return `refuses the connection (${status})`
  return connectCodes.includes(cause?.code ?? '') ? 'cannot be reached' : undefined
}
