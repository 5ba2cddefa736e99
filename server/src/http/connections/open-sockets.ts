// The sockets of all connections of a server. An HTTP server knows those alone that have come so far as to speak HTTP, which over TLS is
// after the handshake.
import type { Server, Socket } from 'node:net'

export interface OpenSockets {
  destroyAll(): void
}

/** Call it before the server listens. */
export function trackSockets(server: Server): OpenSockets {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return {
    destroyAll() {
      for (const socket of open) socket.destroy()
    },
  }
}
