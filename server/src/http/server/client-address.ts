// The address of whoever sent a request. A proxy tells it in a header, which anybody can send: the header is read only
// when the proxy is trusted, from its end, and only as far as trusted proxies have written it.
import type { IncomingMessage } from 'node:http'
import { BlockList } from 'node:net'
import { readIpAddress, type IpAddress } from './ip-address.ts'

/** A network of proxies, as `10.0.0.0` and 8. */
export interface Network {
  address: string
  family: 'ipv4' | 'ipv6'
  prefixBits: number
}

/** Answers what counts as one client: an IPv4 address or an IPv6 network of 64 bits. Empty for a closed connection. */
export type ClientAddress = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string

/** Answers whether an address is one of the proxies'. */
export type IsProxy = (address: IpAddress) => boolean

export function createIsProxy(trustedProxies: readonly Network[]): IsProxy {
  const trusted = new BlockList()
  for (const { address, family, prefixBits } of trustedProxies) trusted.addSubnet(address, prefixBits, family)
  return ({ text, family }) => trusted.check(text, family)
}

export function createClientAddress(isTrusted: IsProxy): ClientAddress {
  /** The last address that no trusted proxy has, or the first one of all. */
  function lastUntrusted(hops: readonly (string | undefined)[], peer: IpAddress): IpAddress {
    let found = peer
    for (const hop of hops.toReversed()) {
      const address = hop === undefined ? undefined : readIpAddress(hop)
      // A proxy may hide the address (RFC 7239 section 6.3). Then it is the last one that is known.
      if (address === undefined) return found
      found = address
      if (!isTrusted(found)) return found
    }
    return found
  }

  return ({ headers, socket }) => {
    const peer = readIpAddress(socket.remoteAddress ?? '')
    if (peer === undefined) return ''
    if (!isTrusted(peer)) return peer.client
    const { forwarded, 'x-forwarded-for': forwardedFor } = headers
    const told = [
      ...(forwarded === undefined ? [] : [forwarded.split(',').map(hopOfElement)]),
      ...(forwardedFor === undefined ? [] : [[forwardedFor].flat().join(',').split(',').map(hopOfNode)]),
    ].map((hops) => lastUntrusted(hops, peer).client)
    // A proxy that writes one of the two headers may pass on the other one as the client has sent it. Where they differ,
    // nobody knows which one is true.
    const [first = peer.client, second = first] = told
    return first === second ? first : peer.client
  }
}

/** From one element of `Forwarded` (RFC 7239). No address has a comma or semicolon, so quoted ones need no more care. */
function hopOfElement(element: string): string | undefined {
  for (const pair of element.split(';')) {
    const at = pair.indexOf('=')
    if (at === -1 || pair.slice(0, at).trim().toLowerCase() !== 'for') continue
    const value = pair.slice(at + 1).trim()
    return hopOfNode(/^"([^"]*)"$/.exec(value)?.[1] ?? value)
  }
  return undefined
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
