// Which addresses are on the internet. Whoever names an address to Keyhold must not reach what only this machine can reach. Of
// IPv6 a few networks are allowed, since ways to write an IPv4 address in it are added again and again; of IPv4, which has no such room,
// some are not.
import { BlockList, isIP, isIPv4 } from 'node:net'

/** A network, as `10.0.0.0` and 8. */
export interface Network {
  address: string
  family: 'ipv4' | 'ipv6'
  prefixBits: number
}

// IANA's registry of special-purpose addresses, and 168.63.129.16, by which Azure serves its machines.
const notPublicIpv4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24'],
  ...['192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'],
]
const allocatedIpv6 = '2000::/3'
// Teredo and other protocols, documentation, 6to4, AS112, documentation.
const notPublicIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

const blockedIpv4 = listOf(notPublicIpv4, 'ipv4')
const allowedIpv6 = listOf([allocatedIpv6], 'ipv6')
const blockedIpv6 = listOf(notPublicIpv6, 'ipv6')
const mapped = listOf(['::ffff:0:0/96'], 'ipv6')
// RFC 6052. That of a network's own (64:ff9b:1::/48) may lead anywhere.
const nat64 = listOf(['64:ff9b::/96'], 'ipv6')

/**
 * Whether the address is on the internet. An IPv4 address in the mapped form of IPv6 counts as that IPv4 address.
 *
 * @param isNat64 - whether the network translates `64:ff9b::/96`: then such an address counts as the IPv4 address in it
 */
export function isPublicAddress(address: string, isNat64: boolean): boolean {
  const version = isIP(address)
  if (version === 4) return !blockedIpv4.check(address, 'ipv4')
  // With a zone it belongs to one link.
  if (version === 0 || address.includes('%')) return false
  if (mapped.check(address, 'ipv6') || (isNat64 && nat64.check(address, 'ipv6'))) {
    return isPublicAddress(lastIpv4Of(address), isNat64)
  }
  return allowedIpv6.check(address, 'ipv6') && !blockedIpv6.check(address, 'ipv6')
}

/** Whether the address is in the network; a mapped one counts as the IPv4 address. */
export function isInNetwork(address: string, network: Network): boolean {
  const list = new BlockList()
  list.addSubnet(network.address, network.prefixBits, network.family)
  const version = isIP(address)
  if (version === 0 || address.includes('%')) return false
  const ipv4 = version === 4 ? address : mapped.check(address, 'ipv6') ? lastIpv4Of(address) : undefined
  // A large network of IPv6, in which the mapped addresses happen to lie, does not mean IPv4.
  if (ipv4 !== undefined) return network.prefixBits >= leastBitsOf(network) && list.check(ipv4, 'ipv4')
  return list.check(address, 'ipv6')
}

/** Of a network that means IPv4. */
function leastBitsOf({ family }: Network): number {
  return family === 'ipv4' ? 0 : 96
}

function listOf(networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}

function lastIpv4Of(address: string): string {
  const tail = address.slice(address.lastIndexOf(':') + 1)
  if (isIPv4(tail)) return tail
  // The reader of URLs knows every spelling of IPv6, and answers with one of them.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':')
  return groups
    .slice(-2)
    .flatMap((group) => {
      const value = group === '' ? 0 : Number.parseInt(group, 16)
      return [value >> 8, value & 0xff]
    })
    .join('.')
}
