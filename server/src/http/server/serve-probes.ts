// A separate listener for probes. Whoever watches replicas reaches it without a way through the port of tenants: it has no
// authentication and no path prefix, and takes few connections: those that ask nothing end soon, so that they refuse no probe for
// longer than a few seconds. Only the watchers should reach it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ProbeAnswer, ProbePath } from '../connections/answer-probe.ts'

// A connection must have asked by then.
const headersTimeoutMs = 2_000
const requestTimeoutMs = 5_000
// Node looks for them every 30 seconds by default.
const lookMs = 1_000
const maxConnections = 64

export interface ProbeListener {
  url: string
  close: () => Promise<void>
}

/** Serves `GET /livez` and `GET /readyz` and nothing else. Answers once it listens. */
export async function serveProbes(
  { host, port }: { host: string; port: number },
  probe: (path: ProbePath) => Promise<ProbeAnswer>,
  onError: (error: unknown) => void,
): Promise<ProbeListener> {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?')[0]
    if (path !== '/livez' && path !== '/readyz') {
      response.writeHead(404).end()
      return
    }
    const isHead = request.method === 'HEAD'
    if (request.method !== 'GET' && !isHead) {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
      return
    }
    const { status, body } = await probe(path)
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
    response.end(isHead ? undefined : JSON.stringify(body))
  }

  const server = createServer(
    {
      ...{ headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs },
      ...{ connectionsCheckingInterval: lookMs, maxHeaderSize: 8_192 },
    },
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
