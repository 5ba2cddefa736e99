// A fetch that shows a certificate of the client, which Node's own cannot without a package more.
import http from 'node:http'
import https from 'node:https'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { CliError } from '../errors/cli-error.ts'

/** Paths of files in PEM. */
export interface CertificateFiles {
  certificate: string
  key: string
}

const withoutBody = new Set([204, 205, 304])

/**
 * @param proxy - undefined: the server is called directly
 * @throws CliError `configuration` with `ERR_CLI_CERTIFICATE` for files that cannot be used
 */
export function fetchWithCertificate(files: CertificateFiles, proxy: URL | undefined): typeof fetch {
  const agent = agentOf(files, proxy)
  return async (input, init) => {
    const request = new Request(input, init)
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
    request.signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const { method, signal } = request
      const headers = Object.fromEntries(request.headers)
      const sent = https.request(request.url, { method, headers, agent, signal }, (message) => {
        resolve(responseOf(message, method))
      })
      sent.on('error', (cause) => {
        reject(signal.aborted ? (signal.reason as Error) : new TypeError('fetch failed', { cause }))
      })
      sent.end(body)
    })
  }
}

function responseOf(message: http.IncomingMessage, method: string): Response {
  const headers = new Headers()
  for (let at = 0; at < message.rawHeaders.length; at += 2)
    headers.append(message.rawHeaders[at] ?? '', message.rawHeaders[at + 1] ?? '')
  const status = message.statusCode ?? 0
  if (method !== 'HEAD' && !withoutBody.has(status)) {
    return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array<ArrayBuffer>>, {
      status,
      headers,
    })
  }
  message.resume()
  return new Response(null, { status, headers })
}

function agentOf({ certificate, key }: CertificateFiles, proxy: URL | undefined): https.Agent {
  try {
    return new https.Agent({
      ...{ cert: read(certificate, '--client-certificate'), key: read(key, '--client-key'), keepAlive: true },
      ...(proxy !== undefined && { proxyEnv: { HTTPS_PROXY: proxy.href } }),
    })
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw refused('--client-certificate and --client-key cannot be used', cause)
  }
}

function read(file: string, option: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw refused(`${option} ${file}: the file cannot be read`, cause)
  }
  if (!bytes.includes('-----BEGIN ')) throw refused(`${option} ${file}: the file is no PEM`)
  return bytes
}

function refused(message: string, cause?: unknown): CliError {
  return new CliError('configuration', 'ERR_CLI_CERTIFICATE', message, { cause })
}
