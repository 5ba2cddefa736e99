// Connections to the clouds' own hosts through the proxy of HTTPS_PROXY. Node makes the tunnel: it accepts no answer of the
// proxy in place of one of the cloud, and TLS runs through it to the cloud. Which hosts have a proxy is decided in core. A
// fetch of what customers name has no proxy from here.
import { KeyholdError, parseProxy, proxyFor, type ProxyRules } from '@keyhold/core'
import http from 'node:http'
import { Agent } from 'node:https'
import type { Duplex } from 'node:stream'

// Less than an attempt, so that the proxy is named and not the cloud.
const tunnelTimeoutMs = 900
const maxSockets = 50

/** The proxy, and not what is behind it, gave no connection. Its message is for everybody: it names no address. */
export class ProxyError extends Error {
  /** Of the system, where the proxy could not be reached. */
  readonly code: string | undefined

  constructor(message: string, options: { code?: string | undefined; cause?: unknown } = {}) {
    super(`The proxy that HTTPS_PROXY names ${message}.`, { cause: options.cause })
    this.name = 'ProxyError'
    this.code = options.code
  }
}

/**
 * Refuses a proxy on a Node.js that would go past it without a word.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID`
 */
export function requireTunnels({ proxy }: ProxyRules): void {
  if (proxy === undefined || typeof http.setGlobalProxyFromEnv === 'function') return
  throw new KeyholdError('ERR_CONFIG_INVALID', { message: 'HTTPS_PROXY needs Node.js 24.14 or later.' })
}

/** The options of the AWS SDK's request handler: none where there is no proxy. */
export function proxiedHandler(rules: ProxyRules): { httpsAgent?: Agent; connectionTimeout?: number } {
  if (rules.proxy === undefined) return {}
  return { httpsAgent: new ProxiedAgent(rules, rules.proxy), connectionTimeout: tunnelTimeoutMs + 100 }
}

type Created = (error: Error | null, socket: Duplex) => void

class ProxiedAgent extends Agent {
  readonly #rules: ProxyRules
  readonly #direct = new Agent({ keepAlive: true, maxSockets })

  constructor(rules: ProxyRules, proxy: string) {
    super({ keepAlive: true, maxSockets, proxyEnv: { HTTPS_PROXY: parseProxy(proxy)?.href } })
    this.#rules = rules
  }

  override createConnection(
    options: Parameters<Agent['createConnection']>[0],
    callback: Created,
  ): Duplex | null | undefined {
    const { host, port } = options as { host?: string; port?: number | string }
    const bracketed = host?.includes(':') === true ? `[${host}]` : host
    const url = new URL(`https://${bracketed ?? 'localhost'}:${port ?? 443}`)
    if (proxyFor(url, this.#rules) === undefined) return this.#direct.createConnection(options, callback)
    let isOver = false
    const end: Created = (error, socket) => {
      clearTimeout(timer)
      if (isOver) {
        if (error === null) socket.destroy()
        return
      }
      isOver = true
      callback(error, socket)
    }
    const timer = setTimeout(() => {
      end(new ProxyError('made no connection in time', { code: 'ETIMEDOUT' }), undefined as never)
      // Nothing else ends it: no request has it yet, and the agent does not know it.
      toProxy?.destroy()
    }, tunnelTimeoutMs)
    const toProxy = super.createConnection(options, (error, socket) => {
      end(error instanceof Error ? proxyErrorOf(error) : null, socket)
    })
    return toProxy
  }

  override destroy(): void {
    this.#direct.destroy()
    super.destroy()
  }
}

function proxyErrorOf(error: Error): Error {
  const { code, statusCode, syscall } = error as NodeJS.ErrnoException & { statusCode?: unknown }
  if (statusCode === 407) return new ProxyError('asks for other credentials (407)', { cause: error })
  if (typeof statusCode === 'number')
    return new ProxyError(`refuses the connection (${statusCode})`, { cause: error })
  if (code === 'ERR_PROXY_TUNNEL') return new ProxyError('made no connection', { cause: error })
  // Errors of TLS concern what is behind the proxy, or the proxy's own certificate, and say so.
  if (syscall === undefined && code !== 'ECONNRESET') return error
  return new ProxyError('cannot be reached', { code, cause: error })
}

/** The proxy's error behind an error; also where credentials could not be had because of it. */
export function proxyErrorIn(error: unknown): ProxyError | undefined {
  let cause = error
  for (let depth = 0; cause instanceof Error && depth < 8; depth += 1) {
    if (cause instanceof ProxyError) return cause
    cause = cause.cause
  }
  return undefined
}
