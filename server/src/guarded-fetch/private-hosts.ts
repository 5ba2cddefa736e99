// Hosts of the operator's own that may be called although their addresses are not on the internet. Each is listed with its network:
// a name alone would let whoever owns it choose any address.
import { isIP } from 'node:net'
import type { Network } from './public-addresses.ts'

export interface PrivateHost {
  /** In lower case, without brackets and without a dot at its end. */
  name: string
  /** Undefined: the ports that all hosts may have. */
  port: number | undefined
  network: Network
}

const entryForm = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?=([0-9a-f.:]+)\/([0-9]{1,3})$/

/**
 * Reads `idp.internal=10.2.0.0/16,keycloak.internal:8443=fd00::/8`.
 *
 * @returns undefined if an entry has another form, or names all addresses
 */
export function parsePrivateHosts(text: string): readonly PrivateHost[] | undefined {
  const hosts: PrivateHost[] = []
  for (const each of text.toLowerCase().split(',')) {
    const [, name = '', port, address = '', bits] = entryForm.exec(each.trim()) ?? []
    const version = isIP(address)
    const prefixBits = Number(bits)
    if (version === 0 || !(prefixBits >= 1 && prefixBits <= (version === 4 ? 32 : 128))) return undefined
    if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) return undefined
    hosts.push({
      name: name.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, ''),
      port: port === undefined ? undefined : Number(port),
      network: { address, family: version === 4 ? 'ipv4' : 'ipv6', prefixBits },
    })
  }
  return hosts
}
