// A listener beside the main one, for programs that watch replicas. It has no authentication, and shows a few pages to `GET` and
// `HEAD`. It takes few connections: those that ask nothing end soon, so that they keep nobody out for longer than a few seconds.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Tls } from '../tls/reloaded-tls.ts'

// A connection must have asked by then.
const headersTimeoutMs = 2_000
const requestTimeoutMs = 5_000
// Node looks for them every 30 seconds by default.
const lookMs = 1_000

export interface Page {
  status: number
  contentType: string
  body: string
}

export interface SideListener {
  url: string
  close: () => Promise<void>
}

export interface SideListenerOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  maxConnections: number
  /** By its path: makes the page. */
  pages: Readonly<Partial<Record<string, () => Promise<Page>>>>
  /** Hears of pages that could not be made: they are answered with 500. */
  onError: (error: unknown) => void
  /** Undefined: it speaks plain HTTP. */
  tls?: Tls | undefined
}

/** Answers once it listens. */
export async function servePages(options: SideListenerOptions): Promise<SideListener> {
  const { host, port, maxConnections, pages, onError, tls } = options

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (tls?.refusal(request.socket) !== undefined) {
      response.writeHead(401, { connection: 'close' }).end()
      return
    }
    const page = pages[request.url?.split('?')[0] ?? '']
    if (page === undefined) {
      response.writeHead(404).end()
      return
    }
    const isHead = request.method === 'HEAD'
    if (request.method !== 'GET' && !isHead) {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
      return
    }
    const { status, contentType, body } = await page()
    response.writeHead(status, {
      ...{ 'content-type': contentType, 'cache-control': 'no-store' },
      'x-content-type-options': 'nosniff',
    })
    response.end(isHead ? undefined : body)
  }

  const limits = {
    ...{ headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs },
    ...{ connectionsCheckingInterval: lookMs, maxHeaderSize: 8_192 },
  }
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error: unknown) => {
      onError(error)
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  }
  const server =
    tls === undefined
      ? createServer(limits, onRequest)
      : createTlsServer({ ...tls.options, ...limits, handshakeTimeout: headersTimeoutMs }, onRequest)
  if (tls !== undefined && server instanceof TlsServer) tls.attach(server)
  server.maxConnections = maxConnections
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, resolve)
  })
  server.on('error', onError)
  const { address, family, port: actual } = server.address() as AddressInfo
  return {
    url: `http${tls === undefined ? '' : 's'}://${family === 'IPv6' ? `[${address}]` : address}:${actual}`,
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
