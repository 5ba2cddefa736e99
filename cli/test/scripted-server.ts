// A server that plays a script: it expects certain requests in a certain order, and gives the answers of the script.
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Exchange {
  /** `METHOD /path`. */
  request: string
  requestHeaders?: Record<string, string>
  /** The request's JSON; undefined: it must have no body. */
  requestBody?: unknown
  status: number
  replyHeaders?: Record<string, string>
  /** The reply's body as it is sent. */
  reply?: string
}

export interface ScriptedServer {
  url: string
  /** Deviations from the script; empty when all of it was played. */
  complaints(): string[]
  stop(): void
}

export async function startScriptedServer(exchanges: Exchange[]): Promise<ScriptedServer> {
  const complaints: string[] = []
  let played = 0
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const exchange = exchanges[played++]
      const line = `${request.method ?? ''} ${request.url ?? ''}`
      if (exchange?.request !== line) {
        complaints.push(`got ${line}, expected ${exchange?.request ?? 'nothing more'}`)
        response.writeHead(599).end()
        return
      }
      const expectedBody = exchange.requestBody === undefined ? '' : JSON.stringify(exchange.requestBody)
      if (body !== expectedBody) complaints.push(`${line} got the body ${body}, expected ${expectedBody}`)
      for (const [name, value] of Object.entries(exchange.requestHeaders ?? {})) {
        const got = String(request.headers[name])
        if (got !== value) complaints.push(`${line} got ${name}: ${got}, expected ${value}`)
      }
      response.writeHead(exchange.status, exchange.replyHeaders).end(exchange.reply)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    complaints: () =>
      played < exchanges.length
        ? [...complaints, `only ${played} of ${exchanges.length} requests came`]
        : complaints,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}
