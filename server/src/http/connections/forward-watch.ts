// Whether requests come through a proxy that is not trusted: then each of them has the address of that proxy, and a list of addresses
// would let in everybody behind it, or nobody. Anybody can send the headers, so that only requests of callers who are known count, and
// each only for whom it speaks: a key of a tenant for the keys of that tenant, a key of the installation for all.
import type { IncomingMessage } from 'node:http'
import type { IsProxy } from '../server/client-address.ts'
import { readIpAddress } from '../server/ip-address.ts'

export interface ForwardWatch {
  /** @param tenantId - that of the caller; undefined: a caller of the installation */
  note(request: Pick<IncomingMessage, 'headers' | 'socket'>, tenantId: string | undefined): void
  /**
   * Whether one has come within the last hour, as far as it was looked at, from a caller of this tenant or of the installation.
   *
   * @param tenantId - undefined: of the installation alone
   */
  haveCome(tenantId: string | undefined): boolean
}

const keptMs = 3_600_000
// Behind a trusted proxy all requests have the headers, and looking at each would cost them time.
const lookMs = 1_000
// The tenant that was silent for longest goes: nobody watches for it any more.
const maxTenants = 10_000
const installation = ''

/** @param clock - monotonic, in milliseconds */
export function createForwardWatch(isTrusted: IsProxy, clock: () => number): ForwardWatch {
  const seenMs = new Map<string, number>()
  const lookedMs = new Map<string, number>()
  const isRecent = (atMs: number | undefined, withinMs: number) =>
    atMs !== undefined && clock() - atMs < withinMs
  function keep(times: Map<string, number>, tenantId: string): void {
    // The last one is the newest.
    times.delete(tenantId)
    times.set(tenantId, clock())
    const [oldest] = times.keys()
    if (times.size > maxTenants && oldest !== undefined) times.delete(oldest)
  }
  return {
    note({ headers, socket }, tenantId = installation) {
      if (headers['x-forwarded-for'] === undefined && headers.forwarded === undefined) return
      if (isRecent(lookedMs.get(tenantId), lookMs)) return
      const peer = readIpAddress(socket.remoteAddress ?? '')
      const isStranger = peer === undefined || !isTrusted(peer)
      // A trusted one must not keep the next one from being looked at.
      keep(isStranger ? seenMs : lookedMs, tenantId)
    },
    haveCome: (tenantId = installation) =>
      [installation, tenantId].some((each) => isRecent(seenMs.get(each), keptMs)),
  }
}
