// Limits the connections of clients: in all, and to half of them from one address. One more is answered with a refusal
// and closed, without a look at its request.
import { KeyholdError } from '@keyhold/core'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { IsProxy } from './client-address.ts'
import { readIpAddress } from './ip-address.ts'
import { refuseSocket } from './refuse-socket.ts'

export interface ConnectionLimitOptions {
  maxConnections: number
  /** Whether all clients may come from that address. */
  isProxy: IsProxy
  /** Before a refusal: whoever is refused often comes again at once. */
  refusalPauseMs: number
  /** Receives whether all connections are in use, or those of one address. */
  onRefused: (scope: 'replica' | 'address') => void
}

// Time to read the refusal.
const lingerMs = 1_000

/** Call it before the server listens. */
export function limitConnections(
  server: Server,
  { maxConnections, isProxy, refusalPauseMs, onRefused }: ConnectionLimitOptions,
): void {
  const handlers = server.listeners('connection') as ((socket: Socket) => void)[]
  const maxOfAddress = Math.ceil(maxConnections / 2)
  const openByAddress = new Map<string, number>()
  let open = 0
  let refusing = 0

  function clientOf(socket: Socket): string | undefined {
    const address = readIpAddress(socket.remoteAddress ?? '')
    return address === undefined || isProxy(address) ? undefined : address.client
  }

  function count(client: string | undefined, by: 1 | -1): void {
    open += by
    if (client === undefined) return
    const ofAddress = (openByAddress.get(client) ?? 0) + by
    if (ofAddress === 0) openByAddress.delete(client)
    else openByAddress.set(client, ofAddress)
  }

  function fullScope(client: string | undefined): 'replica' | 'address' | undefined {
    if (client !== undefined && (openByAddress.get(client) ?? 0) >= maxOfAddress) return 'address'
    return open >= maxConnections ? 'replica' : undefined
  }

  function refuse(socket: Socket, scope: 'replica' | 'address'): void {
    onRefused(scope)
    socket.on('error', () => undefined)
    // As many again may wait for their refusal. More than that learn it from the end of their connection.
    if (refusing >= maxConnections) {
      socket.destroy()
      return
    }
    refusing++
    // The server reads all that the client has sent, or the refusal might be lost with it.
    socket.resume()
    let patience = setTimeout(() => {
      refuseSocket(socket, new KeyholdError('ERR_SERVER_BUSY'))
      patience = setTimeout(() => socket.destroy(), lingerMs)
    }, refusalPauseMs)
    socket.once('close', () => {
      clearTimeout(patience)
      refusing--
    })
  }

  server.removeAllListeners('connection')
  server.on('connection', (socket) => {
    const client = clientOf(socket)
    const scope = fullScope(client)
    if (scope !== undefined) {
      refuse(socket, scope)
      return
    }
    count(client, 1)
    socket.once('close', () => {
      count(client, -1)
    })
    for (const handle of handlers) handle.call(server, socket)
  })
}
