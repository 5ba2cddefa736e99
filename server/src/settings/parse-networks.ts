// The setting that names the networks of proxies.
import { isIP } from 'node:net'

export interface Network {
  address: string
  family: 'ipv4' | 'ipv6'
  prefixBits: number
}

/**
 * Reads `10.0.0.0/8,fd00::/8,192.0.2.7`. Without a prefix it is one address.
 *
 * @returns undefined if one has another form, or is a network of all addresses
 */
export function parseNetworks(text: string): readonly Network[] | undefined {
  const networks: Network[] = []
  for (const each of text.split(',')) {
    const [, address = '', prefix] = /^([0-9A-Fa-f.:]+)(?:\/([0-9]{1,3}))?$/.exec(each.trim()) ?? []
    const version = isIP(address)
    if (version === 0) return undefined
    const bits = version === 4 ? 32 : 128
    const prefixBits = prefix === undefined ? bits : Number(prefix)
    // Whoever trusts everybody lets everybody choose an address.
    if (prefixBits < 1 || prefixBits > bits) return undefined
    networks.push({ address, family: version === 4 ? 'ipv4' : 'ipv6', prefixBits })
  }
  return networks
}
