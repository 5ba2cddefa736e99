// Limits the connections of clients: in all, and to half of them from one address. One more is answered with a refusal
// and closed, without a look at its request. Only a probe is answered there, too.
import { KeyholdError } from '@keyhold/core'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { IsProxy } from '../server/client-address.ts'
import { answerProbe, probePathOf, type ProbeAnswer, type ProbePath } from './answer-probe.ts'
import { readIpAddress } from '../server/ip-address.ts'
import { refuseSocket } from '../server/refuse-socket.ts'

export interface ConnectionLimitOptions {
  maxConnections: number
  /** Whether all clients may come from that address. */
  isProxy: IsProxy
  /** Before a refusal: whoever is refused often comes again at once. */
  refusalPauseMs: number
  /** Whether clients expect TLS: then a refusal is the end of the connection, as words would need a handshake. */
  isTls: boolean
  /** Receives whether all connections are in use, or those of one address. */
  onRefused: (scope: 'replica' | 'address') => void
}

export type Probe = (path: ProbePath) => Promise<ProbeAnswer>

// Time to read the refusal.
const lingerMs = 1_000
const reserveShare = 10

/** Call it before the server listens. */
export function limitConnections(
  server: Server,
  { maxConnections, isProxy, refusalPauseMs, isTls, onRefused }: ConnectionLimitOptions,
  probe: Probe,
): void {
  const handlers = server.listeners('connection') as ((socket: Socket) => void)[]
  const maxOfAddress = Math.ceil(maxConnections / 2)
  const reserve = Math.ceil(maxConnections / reserveShare)
  const openByAddress = new Map<string, number>()
  const refusingByAddress = new Map<string, number>()
  let open = 0
  let refusing = 0

  function clientOf(socket: Socket): string | undefined {
    const address = readIpAddress(socket.remoteAddress ?? '')
    return address === undefined || isProxy(address) ? undefined : address.client
  }

  function count(client: string | undefined, by: 1 | -1): void {
    open += by
    countAt(openByAddress, client, by)
  }

  function countRefusing(client: string | undefined, by: 1 | -1): void {
    refusing += by
    countAt(refusingByAddress, client, by)
  }

  function fullScope(client: string | undefined): 'replica' | 'address' | undefined {
    if (client !== undefined && (openByAddress.get(client) ?? 0) >= maxOfAddress) return 'address'
    return open >= maxConnections ? 'replica' : undefined
  }

  // As many again may wait for their refusal, and more from addresses that have no connection, so that their probes are
  // answered. All others learn it from the end of their connection.
  function mayWait(client: string | undefined): boolean {
    const isNew = client === undefined || !(openByAddress.has(client) || refusingByAddress.has(client))
    return refusing < maxConnections + (isNew ? reserve : 0)
  }

  function refuse(socket: Socket, client: string | undefined, scope: 'replica' | 'address'): void {
    socket.on('error', () => undefined)
    if (!mayWait(client)) {
      onRefused(scope)
      socket.destroy()
      return
    }
    countRefusing(client, 1)
    let isCounted = false
    function countOnce(): void {
      if (!isCounted) onRefused(scope)
      isCounted = true
    }
    function endSoon(): void {
      patience = setTimeout(() => socket.destroy(), lingerMs)
    }
    let patience = setTimeout(() => {
      countOnce()
      if (isTls) {
        socket.destroy()
        return
      }
      refuseSocket(socket, new KeyholdError('ERR_SERVER_BUSY'))
      endSoon()
    }, refusalPauseMs)
    socket.once('data', (firstBytes) => {
      if (isTls) return
      const path = probePathOf(firstBytes)
      if (path === undefined || !socket.writable) return
      isCounted = true
      clearTimeout(patience)
      endSoon()
      probe(path).then(
        (answer) => {
          answerProbe(socket, answer)
        },
        () => socket.destroy(),
      )
    })
    // The server reads all that the client has sent, or the answer might be lost with it.
    socket.resume()
    // Whoever has gone away needs no place. A probe may end its side before it has its answer.
    socket.once('end', () => {
      if (!isCounted) socket.destroy()
    })
    socket.once('close', () => {
      clearTimeout(patience)
      countOnce()
      countRefusing(client, -1)
    })
  }

  server.removeAllListeners('connection')
  server.on('connection', (socket) => {
    const client = clientOf(socket)
    const scope = fullScope(client)
    if (scope !== undefined) {
      refuse(socket, client, scope)
      return
    }
    count(client, 1)
    socket.once('close', () => {
      count(client, -1)
    })
    for (const handle of handlers) handle.call(server, socket)
  })
}

function countAt(byAddress: Map<string, number>, client: string | undefined, by: 1 | -1): void {
  if (client === undefined) return
  const count = (byAddress.get(client) ?? 0) + by
  if (count === 0) byAddress.delete(client)
  else byAddress.set(client, count)
}
