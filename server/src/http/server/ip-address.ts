// Reads an IP address in any of its spellings, so that one address has one form.
import { isIPv4, isIPv6 } from 'node:net'

export interface IpAddress {
  family: 'ipv4' | 'ipv6'
  /** In one form for each address. */
  text: string
  /**
   * The name of one client: an IPv4 address, or the first 64 bits of an IPv6 address, because whoever has one of these
   * networks has all its addresses.
   */
  client: string
}

/** Answers undefined for anything else. An IPv4 address in the form of IPv6 (`::ffff:10.0.0.1`) is an IPv4 address. */
export function readIpAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 'ipv4', text, client: text }
  const [withoutZone = ''] = text.split('%')
  if (!isIPv6(withoutZone)) return undefined
  const groups = groupsOf(withoutZone)
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const mapped = groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.')
    return { family: 'ipv4', text: mapped, client: mapped }
  }
  const words = groups.map((group) => group.toString(16))
  return { family: 'ipv6', text: words.join(':'), client: `${words.slice(0, 4).join(':')}::/64` }
}

/** The eight groups of an address that is valid. */
function groupsOf(address: string): number[] {
  const [head = [], tail] = address.split('::').map(groupsOfPart)
  if (tail === undefined) return head
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
}

function groupsOfPart(part: string): number[] {
  if (part === '') return []
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}
