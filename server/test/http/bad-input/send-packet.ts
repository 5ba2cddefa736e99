// Requests as bytes, for what no HTTP client lets through: broken headers, lengths that lie, half a body.
import { connect, type Socket } from 'node:net'
import type { RawAnswer } from '../raw-request.ts'

/** Sends a head, and a body as it is, over a connection that ends with the answer. */
export async function sendPacket(
  serverUrl: string,
  requestLine: string,
  headers: readonly string[],
  body: string | Buffer = '',
): Promise<RawAnswer> {
  const head = [requestLine, ...headers, 'connection: close', '', ''].join('\r\n')
  const bytes = Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
  return parseAnswer(await exchange(serverUrl, (socket) => socket.write(bytes)))
}

/** Opens a connection and answers all that comes back until it ends. */
export function exchange(serverUrl: string, write: (socket: Socket) => void): Promise<string> {
  const { hostname, port } = new URL(serverUrl)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      write(socket)
    })
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => (text += chunk))
    // A server that has refused does not read the rest, which is an error of the sender's then.
    socket.on('error', (error) => {
      if (text === '') reject(error)
    })
    socket.on('close', () => {
      resolve(text)
    })
  })
}

export function parseAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const body = rest.join('\r\n\r\n')
  return {
    status: Number(statusLine.split(' ')[1]),
    headers,
    text: body,
    body: body === '' ? undefined : JSON.parse(body),
  }
}
