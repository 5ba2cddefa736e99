// Closes a connection whose client still writes. A system that closes with bytes unread resets the connection, and the
// reset may overtake the answer that says why. So what comes is read and dropped for a moment: RFC 9112 section 9.6.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

export interface LingerLimits {
  ms: number
  bytes: number
}

// A client that reads while it writes stops at once; another one has its answer when it has sent so much.
const usualLimits: LingerLimits = { ms: 2_000, bytes: 67_108_864 }
const lookMs = 50

const lingering = new WeakSet<Socket>()

/** Whether the connection's last answer was decided. A request that comes after it would be run, and get no answer. */
export function isLingering(socket: Socket): boolean {
  return lingering.has(socket)
}

/** Call it before the answer is sent, with a header `connection: close`, which ends the connection after it. */
export function lingerAfterAnswer(request: IncomingMessage, { ms, bytes }: LingerLimits = usualLimits): void {
  const { socket } = request
  lingering.add(socket)
  // Node calls this once the answer is written.
  socket.destroySoon = () => {
    if (request.complete || socket.destroyed) {
      socket.destroy()
      return
    }
    // No request that follows the body is waited for.
    request.once('end', () => socket.destroy())
    // The client sees the end of the answers, and what it sends is read.
    socket.end()
    request.resume()
    const endMs = performance.now() + ms
    const endBytes = socket.bytesRead + bytes
    const looks = setInterval(() => {
      if (performance.now() >= endMs || socket.bytesRead >= endBytes) socket.destroy()
    }, lookMs)
    socket.once('close', () => {
      clearInterval(looks)
    })
  }
}
