// Cuts connections to PostgreSQL in the middle of their work, as a network would. For failpoints alone.
import { Socket } from 'node:net'

export interface ConnectionCutter {
  /** Makes the socket of a new connection, which is not connected yet. */
  openStream: () => Socket
  /** Cuts all connections whose sockets were made here. */
  cut: () => void
}

export function createConnectionCutter(): ConnectionCutter {
  const open = new Set<Socket>()
  return {
    openStream() {
      const socket = new Socket()
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      return socket
    },
    cut() {
      for (const socket of open) socket.destroy()
    },
  }
}
