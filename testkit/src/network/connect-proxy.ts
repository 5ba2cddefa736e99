// A forward proxy as companies have them: it makes tunnels by CONNECT, asks for credentials, refuses, or keeps silent. Its
// tunnels to any host end where the test says.
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface ConnectProxy {
  readonly port: number
  /** The targets of all requests, such as `kms.eu-west-1.amazonaws.com:443`, answered or not. */
  readonly asked: string[]
  /** How many connections are open, on either side of it. */
  readonly open: number
  /** Instead of a tunnel: the status that it answers with, or no answer. Undefined: tunnels. */
  refusal: number | 'silent' | undefined
  close(): Promise<void>
}

/**
 * @param portFor - the port of loopback at which a tunnel to that host ends
 * @param credentials - `user:password` that every request must have. Default: none
 */
export async function startConnectProxy(
  portFor: (host: string) => number,
  { credentials }: { credentials?: string } = {},
): Promise<ConnectProxy> {
  const sockets = new Set<Socket>()
  const asked: string[] = []
  const server = createServer((_request, response) => response.writeHead(405).end())
  const kept = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const proxy = {
    asked,
    get open() {
      return sockets.size
    },
    refusal: undefined as ConnectProxy['refusal'],
    get port() {
      return (server.address() as AddressInfo).port
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  server.on('connection', kept)
  server.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '')
    const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`
    const refusal = request.headers['proxy-authorization'] === expected ? proxy.refusal : 407
    if (refusal === 'silent') {
      // So that it hears of the end.
      client.resume().on('end', () => client.destroy())
      return
    }
    if (refusal !== undefined) {
      // An answer that looks like one of AWS must not be taken for one.
      const body = '{"__type":"DisabledException","message":"x"}'
      client.end(
        `HTTP/1.1 ${refusal} Refused\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      return
    }
    const target = kept(connect(portFor((request.url ?? '').replace(/:\d+$/, '')), '127.0.0.1'))
    target.on('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    target.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return proxy
}
