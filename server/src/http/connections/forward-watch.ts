// Whether requests come through a proxy that is not trusted: then each of them has the address of that proxy, and a list of addresses
// would let in everybody behind it, or nobody. Only requests of callers who are known count, since anybody can send the headers.
import type { IncomingMessage } from 'node:http'
import type { IsProxy } from '../server/client-address.ts'
import { readIpAddress } from '../server/ip-address.ts'

export interface ForwardWatch {
  note(request: Pick<IncomingMessage, 'headers' | 'socket'>): void
  /** Whether one has come within the last hour, as far as it was looked at. */
  haveCome(): boolean
}

const keptMs = 3_600_000
// Behind a trusted proxy all requests have the headers, and looking at each would cost them time.
const lookMs = 1_000

/** @param clock - monotonic, in milliseconds */
export function createForwardWatch(isTrusted: IsProxy, clock: () => number): ForwardWatch {
  let seenMs = Number.NEGATIVE_INFINITY
  let lookedMs = Number.NEGATIVE_INFINITY
  return {
    note({ headers, socket }) {
      if (headers['x-forwarded-for'] === undefined && headers.forwarded === undefined) return
      const nowMs = clock()
      if (nowMs - lookedMs < lookMs) return
      const peer = readIpAddress(socket.remoteAddress ?? '')
      const isStranger = peer === undefined || !isTrusted(peer)
      // A trusted one must not keep the next one from being looked at.
      if (isStranger) seenMs = nowMs
      else lookedMs = nowMs
    },
    haveCome: () => clock() - seenMs < keptMs,
  }
}
