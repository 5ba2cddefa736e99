// Makes the sockets of connections to PostgreSQL, so that they can be cut: by failpoints as a network would, and when
// this process stops while the database is silent.
import { Socket } from 'node:net'

export interface ConnectionCutter {
  /** Makes the socket of a new connection, which is not connected yet. */
  openStream: () => Socket
  /** Cuts all connections whose sockets were made here. */
  cut: () => void
  /** Cuts them, and lets no new one connect. */
  end: () => void
}

export function createConnectionCutter(): ConnectionCutter {
  const open = new Set<Socket>()
  let isEnded = false

  function cut(): void {
    for (const socket of open) socket.destroy()
  }

  return {
    openStream() {
      if (isEnded) return new UnusableSocket()
      const socket = new Socket()
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      return socket
    },
    cut,
    end() {
      isEnded = true
      cut()
    },
  }
}

/** It fails at once when the driver connects it. */
class UnusableSocket extends Socket {
  override connect(): this {
    return this.destroy(new Error('Connection terminated: this process is stopping'))
  }
}
