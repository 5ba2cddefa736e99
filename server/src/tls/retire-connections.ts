// Connections that began while other CAs or other revocation lists held. Their clients were trusted then, and may not be now. So
// each of them ends after its next answer, or soon if it asks nothing. Its client connects again, and is looked at again.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { PresentedCertificate } from './client-certificate.ts'

// Whoever is about to send a request on a connection should hear of its end first.
const idleMs = 1_000
// No request takes as long; a stream of events does, and its client asks again.
const longestMs = 30_000

export interface ConnectionRetirement {
  /** The connections of clients with a certificate that are open now. */
  retire(): void
}

/** Call it before the server listens. */
export function createRetirement(
  server: TlsServer,
  presented: (socket: Socket) => PresentedCertificate,
): ConnectionRetirement {
  const withCertificate = new Set<Socket>()
  const retired = new WeakSet<Socket>()
  const running = new WeakMap<Socket, number>()

  server.on('secureConnection', (socket: TLSSocket) => {
    if (presented(socket).state === 'none') return
    withCertificate.add(socket)
    socket.once('close', () => withCertificate.delete(socket))
  })
  // Before the application, which may answer at once.
  ;(server as Server).prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (!withCertificate.has(socket)) return
    if (retired.has(socket)) response.shouldKeepAlive = false
    running.set(socket, (running.get(socket) ?? 0) + 1)
    response.once('close', () => {
      // A connection whose answer promised that it stays is not ended here: its client may have sent the next request already.
      running.set(socket, (running.get(socket) ?? 1) - 1)
    })
  })

  return {
    retire() {
      const open = [...withCertificate]
      for (const socket of open) retired.add(socket)
      setTimeout(() => {
        for (const socket of open) if ((running.get(socket) ?? 0) === 0) socket.destroySoon()
      }, idleMs).unref()
      setTimeout(() => {
        for (const socket of open) socket.destroy()
      }, longestMs).unref()
    },
  }
}
