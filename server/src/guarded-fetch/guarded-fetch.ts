// Calls URLs that somebody else names: an issuer of tokens, a receiver of events. It reaches the internet and the listed private hosts,
// over TLS, and nothing else. It follows no redirects, uses no proxy, and reads no more and no longer than its limits allow.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import { request as httpsRequest } from 'node:https'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { connect as connectTcp } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { readCalledUrl, refused, type CalledUrl, type CallRules } from './called-url.ts'
import { lookUpBySystem, openGuardedConnection, type Connect, type LookUp } from './guarded-connection.ts'

export interface GuardedFetchOptions extends Partial<CallRules> {
  /** For tests: asks nobody. */
  lookUp?: LookUp
  /** For tests: makes the socket. */
  connect?: Connect
}

export interface GuardedRequest {
  /** Default: `GET`. */
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  body?: string
  /** Certificates of authorities in PEM, instead of those that Node trusts. */
  ca?: string
  /** For all of it, from the look-up of the name to the last byte. Default: 10 s. */
  timeoutMs?: number
  /** Default: 256 KiB. */
  maxReplyBytes?: number
}

export interface GuardedReply {
  /** Never a redirect. */
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Why there is no answer. */
export type UnreachableReason = 'name' | 'connection' | 'tls' | 'time' | 'size' | 'reply'

/**
 * Sends one request.
 *
 * @throws KeyholdError `ERR_ADDRESS_REFUSED` (nothing was sent, or the answer is a redirect) and `ERR_ADDRESS_UNREACHABLE`, both with
 * `reason` in their details
 */
export type GuardedFetch = (url: string, request?: GuardedRequest) => Promise<GuardedReply>

const defaultTimeoutMs = 10_000
const defaultMaxReplyBytes = 262_144
const maxHeaderBytes = 16_384

export function createGuardedFetch({
  ports = [443],
  privateHosts = [],
  isNat64 = false,
  lookUp = lookUpBySystem,
  connect = (options) => connectTcp(options),
}: GuardedFetchOptions = {}): GuardedFetch {
  return async (text, { timeoutMs = defaultTimeoutMs, ca, ...request } = {}) => {
    const url = readCalledUrl(text, { ports, privateHosts, isNat64 })
    const signal = AbortSignal.timeout(timeoutMs)
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(unreachable('time', 'It did not answer in time.'))
      })
    })
    // Where nobody waits for it any more.
    late.catch(() => undefined)
    const called = (async () => {
      const socket = await openGuardedConnection(url, { ca, lookUp, connect, signal })
      try {
        return await exchange(socket, url, request)
      } finally {
        socket.destroy()
      }
    })()
    called.catch(() => undefined)
    try {
      return await Promise.race([called, late])
    } catch (error) {
      throw isKeyholdError(error) ? error : explain(error)
    }
  }
}

function exchange(
  socket: TLSSocket,
  { host, port, pathAndQuery }: CalledUrl,
  { method = 'GET', headers, body, maxReplyBytes = defaultMaxReplyBytes }: GuardedRequest,
): Promise<GuardedReply> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        ...{ host, port, method, path: pathAndQuery, maxHeaderSize: maxHeaderBytes },
        createConnection: () => socket,
        headers: {
          ...headers,
          ...{ 'accept-encoding': 'identity', connection: 'close' },
          ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
        },
      },
      (response) => {
        readReply(response, maxReplyBytes).then(resolve, reject)
      },
    )
    request.on('error', reject)
    // A server that changes the protocol is not spoken to any more.
    request.on('upgrade', () => {
      reject(unreachable('reply', 'Its answer is none of HTTP.'))
    })
    request.end(body)
  })
}

async function readReply(response: IncomingMessage, maxBytes: number): Promise<GuardedReply> {
  const { statusCode: status = 0, headers } = response
  if (status >= 300 && status < 400) throw refused('redirect', 'It answers with a redirect.')
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw unreachable('reply', 'Its answer is compressed.')
  }
  const tooLarge = () => unreachable('size', `Its answer has more than ${maxBytes} bytes.`)
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  if (!response.complete) throw unreachable('reply', 'Its answer ends too early.')
  return { status, headers, body: Buffer.concat(chunks) }
}

function unreachable(reason: UnreachableReason, why: string, cause?: unknown): KeyholdError {
  return new KeyholdError('ERR_ADDRESS_UNREACHABLE', {
    message: `The URL cannot be called. ${why}`,
    details: { reason },
    cause,
  })
}

const tlsCode = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/

function explain(error: unknown): KeyholdError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return unreachable('name', 'Its host has no address.', error)
  if (tlsCode.test(code)) return unreachable('tls', `TLS fails: ${code}.`, error)
  if (code.startsWith('HPE_')) return unreachable('reply', 'Its answer is none of HTTP.', error)
  return unreachable('connection', `The connection fails: ${code}.`, error)
}
