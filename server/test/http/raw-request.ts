// Requests by node:http, for what fetch hides: the body of a 205, redirects, headers as sent, bytes that are no JSON.
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'

export interface RawAnswer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The parsed body; undefined when there is none. */
  body: unknown
}

export interface RawOptions {
  token?: string
  headers?: Record<string, string | string[]>
  /** Strings and bytes go out as they are, everything else as JSON. */
  body?: unknown
}

/** Sends one request over a connection of its own and follows no redirect. */
export function rawRequest(
  serverUrl: string,
  method: string,
  pathAndQuery: string,
  { token, headers, body }: RawOptions = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(serverUrl)
  const payload =
    body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        hostname,
        port,
        method,
        path: pathAndQuery,
        agent: false,
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(payload !== undefined && { 'content-type': 'application/json' }),
          ...(payload !== undefined && { 'content-length': String(Buffer.byteLength(payload)) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const body: unknown = text === '' ? undefined : JSON.parse(text)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body })
          // A server may answer before it has read everything.
          request.destroy()
        })
      },
    )
    request.on('error', reject)
    request.end(payload)
  })
}

/** Sends bytes as they are and answers everything that comes back until the server closes. */
export function sendBytes(serverUrl: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(serverUrl)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => (text += chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      resolve(text)
    })
  })
}
