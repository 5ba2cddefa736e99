// A separate listener for metrics. It has no authentication, so it is not on the port that tenants reach.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSingleFlight } from '../event-loop/single-flight.ts'

const requestTimeoutMs = 10_000
// Prometheus asks only every few seconds.
const maxConnections = 32

export interface MetricsListener {
  url: string
  close: () => Promise<void>
}

/** Serves `GET /metrics` and nothing else. Answers once it listens. */
export async function serveMetrics(
  { host, port }: { host: string; port: number },
  { contentType, text }: { contentType: string; text: () => Promise<string> },
  onError: (error: unknown) => void,
): Promise<MetricsListener> {
  // Requests that arrive while a page is rendered share it.
  const flights = createSingleFlight<string>()

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isHead = request.method === 'HEAD'
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    if (request.method !== 'GET' && !isHead) {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
      return
    }
    const body = await flights.share('/metrics', text)
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' })
    response.end(isHead ? undefined : body)
  }

  const server = createServer(
    { requestTimeout: requestTimeoutMs, maxHeaderSize: 8_192 },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        onError(error)
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    },
  )
  server.maxConnections = maxConnections
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, resolve)
  })
  server.on('error', onError)
  const { address, family, port: actual } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      })
    },
  }
}
