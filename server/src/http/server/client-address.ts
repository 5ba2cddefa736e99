// The address of whoever sent a request. A proxy tells it in the header X-Forwarded-For, which anybody can send: the header is read
// only when the proxy is trusted, from its end, and only as far as trusted proxies have written it. There is one header: a proxy that
// writes one of several may pass on the others as the client has sent them.
import type { IncomingMessage } from 'node:http'
import { BlockList } from 'node:net'
import { readIpAddress, type IpAddress } from './ip-address.ts'

/** A network of proxies, as `10.0.0.0` and 8. */
export interface Network {
  address: string
  family: 'ipv4' | 'ipv6'
  prefixBits: number
}

const mappedBits = 96

/** Answers the address of the client of a request. Undefined for a closed connection. */
export type ClientAddress = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => IpAddress | undefined

/** Answers whether an address is one of the proxies'. */
export type IsProxy = (address: IpAddress) => boolean

export function createIsProxy(trustedProxies: readonly Network[]): IsProxy {
  // One for each family: all of IPv4 would lie in ::/1. Only a network of mapped addresses (`::ffff:10.0.0.0/104`) means IPv4.
  const trusted = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const { address, family, prefixBits } of trustedProxies) {
    trusted[family].addSubnet(address, prefixBits, family)
    if (family === 'ipv6' && prefixBits >= mappedBits) trusted.ipv4.addSubnet(address, prefixBits, family)
  }
  return ({ text, family }) => trusted[family].check(text, family)
}

export function createClientAddress(isTrusted: IsProxy): ClientAddress {
  /** The last address that no trusted proxy has, or the first one of all. */
  function lastUntrusted(hops: readonly (string | undefined)[], peer: IpAddress): IpAddress {
    let found = peer
    for (const hop of hops.toReversed()) {
      const address = hop === undefined ? undefined : readIpAddress(hop)
      // A proxy may hide the address, or write what is none. Then it is the last one that is known.
      if (address === undefined) return found
      found = address
      if (!isTrusted(found)) return found
    }
    return found
  }

  return ({ headers, socket }) => {
    const peer = readIpAddress(socket.remoteAddress ?? '')
    const { 'x-forwarded-for': forwardedFor } = headers
    if (peer === undefined || forwardedFor === undefined || !isTrusted(peer)) return peer
    return lastUntrusted([forwardedFor].flat().join(',').split(',').map(hopOfNode), peer)
  }
}

/**
 * An address, in brackets or not, without its port. The spaces around it go first: where an expression may begin to skip
 * them at each place, a header of spaces takes as long as the square of its length, and anybody can send one.
 */
function hopOfNode(node: string): string | undefined {
  const [, inBrackets, alone] = /^(?:\[([^\]]*)\](?::\w+)?|([^\s[\]]*))$/.exec(node.trim()) ?? []
  if (inBrackets !== undefined) return inBrackets
  return alone?.replace(/^([0-9.]+):\w+$/, '$1')
}
