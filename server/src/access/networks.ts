// The networks from which an API key may be used, in the form of CIDR.
import { BlockList, isIPv4, isIPv6 } from 'node:net'

// An IPv4 address in the form of IPv6, in any spelling, is met in its own form, and would never be found here.
const mapped = new BlockList()
mapped.addSubnet('::ffff:0:0', 96, 'ipv6')
const isMapped = (address: string) => mapped.check(address, 'ipv6')

/** Answers whether an address lies in one of them. */
export type AreFrom = (address: string) => boolean

/** The form `address/bits` with an address and a number of bits that go together; one address may stand alone. */
export function isNetwork(text: string): boolean {
  const { address, bits } = partsOf(text)
  const max = isIPv4(address)
    ? 32
    : isIPv6(address) && !address.includes('%') && !isMapped(address)
      ? 128
      : -1
  return bits === undefined ? max >= 0 : /^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= max
}

/** @param networks - those for which `isNetwork` holds; others let nobody in */
export function readNetworks(networks: readonly string[]): AreFrom {
  // One for each family: an IPv4 address would lie in ::/0.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const text of networks.filter(isNetwork)) {
    const { address, bits } = partsOf(text)
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    lists[family].addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  return (address) => {
    if (isIPv4(address)) return lists.ipv4.check(address, 'ipv4')
    return isIPv6(address) && lists.ipv6.check(address, 'ipv6')
  }
}

function partsOf(text: string): { address: string; bits: string | undefined } {
  const at = text.indexOf('/')
  return at === -1
    ? { address: text, bits: undefined }
    : { address: text.slice(0, at), bits: text.slice(at + 1) }
}
