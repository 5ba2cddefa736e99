// Sends load, as a process of its own, over bare sockets with one request a connection at a time. An HTTP client costs as
// much as the server that it should keep busy, and would hide the difference between the two sides.
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { LoadOrder, LoadOutcome } from './load.ts'

const lengthHeader = /\r\ncontent-length: (\d+)\r\n/i

/** The whole length of an answer in bytes, once its headers have arrived; answers are ASCII. */
function answerLength(received: Buffer): number | undefined {
  const headersEnd = received.indexOf('\r\n\r\n')
  if (headersEnd < 0) return undefined
  const head = received.toString('latin1', 0, headersEnd + 4)
  const length = lengthHeader.exec(head)?.[1]
  if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) throw new Error(`unexpected answer: ${head}`)
  return head.length + Number(length)
}

function requestBytes({ url, path, headers, body }: LoadOrder): Buffer {
  const all = { host: new URL(url).host, 'content-length': String(Buffer.byteLength(body)), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

/** Uses one connection: sends, waits for the whole answer and sends again, until the time is over. */
function drive(socket: Socket, request: Buffer, untilMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let requests = 0
    let received: Buffer = Buffer.alloc(0)
    let expected: number | undefined
    let first: number | undefined
    socket.on('error', reject)
    socket.on('close', () => {
      reject(new Error('the server closed the connection'))
    })
    socket.on('data', (chunk: Buffer) => {
      try {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
        expected ??= answerLength(received)
        if (expected === undefined || received.length < expected) return
        first ??= expected
        if (expected !== first || received.length > expected) {
          throw new Error(`an answer of ${received.length} bytes after one of ${first}`)
        }
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
        return
      }
      requests += 1
      received = Buffer.alloc(0)
      expected = undefined
      if (performance.now() < untilMs) socket.write(request)
      else resolve(requests)
    })
    socket.write(request)
  })
}

async function run(order: LoadOrder): Promise<LoadOutcome> {
  const sockets = await Promise.all(Array.from({ length: order.connections }, () => open(order)))
  const startMs = performance.now()
  try {
    const request = requestBytes(order)
    const counts = await Promise.all(
      sockets.map((socket) => drive(socket, request, startMs + order.durationMs)),
    )
    const requests = counts.reduce((sum, count) => sum + count, 0)
    return { requests, elapsedMs: performance.now() - startMs }
  } catch (error) {
    return { requests: 0, elapsedMs: 0, failure: error instanceof Error ? error.message : String(error) }
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

function open({ url, certificate: shown }: LoadOrder): Promise<Socket> {
  const { protocol, hostname: host, port: digits } = new URL(url)
  const port = Number(digits)
  return new Promise((resolve, reject) => {
    const onOpen = () => {
      socket.setNoDelay(true)
      resolve(socket)
    }
    // It is the server of this run, whatever its certificate says.
    const socket: Socket =
      protocol === 'https:'
        ? connectTls(
            {
              host,
              port,
              rejectUnauthorized: false,
              ...(shown && { key: shown.key, cert: shown.certificate }),
            },
            onOpen,
          )
        : connect({ host, port }, onOpen)
    socket.once('error', reject)
  })
}

process.on('message', (order: LoadOrder) => {
  void run(order).then((outcome) => process.send?.(outcome))
})
process.once('disconnect', () => {
  process.exit(0)
})
