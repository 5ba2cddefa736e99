// Which proxy a URL is reached through, by HTTPS_PROXY and NO_PROXY, as curl and Go read them. Nothing on this machine is
// reached through a proxy. Plain HTTP is not, either: what goes to the clouds and to Keyhold goes over TLS.

/** The two variables; undefined: not set. */
export interface ProxyRules {
  proxy: string | undefined
  noProxy: string | undefined
}

/** Reads both, each in lower case first, as curl does. An empty one counts as not set. */
export function proxyRulesIn(environment: Readonly<Record<string, string | undefined>>): ProxyRules {
  const read = (name: string) =>
    environment[name.toLowerCase()]?.trim() || environment[name]?.trim() || undefined
  return { proxy: read('HTTPS_PROXY'), noProxy: read('NO_PROXY') }
}

/** The URL of a proxy, with `http://` where it has no scheme; undefined: it is none. It may hold a password. */
export function parseProxy(text: string): URL | undefined {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  if (!URL.canParse(whole)) return undefined
  const url = new URL(whole)
  const isProxy = /^https?:$/.test(url.protocol) && url.hostname !== '' && url.search + url.hash === ''
  return isProxy && url.pathname === '/' ? url : undefined
}

/**
 * The proxy for a URL; undefined: it is reached directly.
 *
 * @throws TypeError if the proxy is none; its text, which may hold a password, is not in the message
 */
export function proxyFor(url: URL, { proxy, noProxy }: ProxyRules): URL | undefined {
  if (proxy === undefined || url.protocol !== 'https:') return undefined
  const host = hostOf(url.hostname)
  if (isLoopback(host) || isExcepted(host, url.port === '' ? 443 : Number(url.port), noProxy))
    return undefined
  const parsed = parseProxy(proxy)
  if (parsed === undefined) throw new TypeError('HTTPS_PROXY is no URL of a proxy: http://host:port')
  return parsed
}

interface Host {
  name: string
  /** Of 4 or 16 bytes, where the name is an address. */
  address: readonly number[] | undefined
}

function hostOf(hostname: string): Host {
  const name = hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
  return { name, address: addressOf(name) }
}

function isLoopback({ name, address }: Host): boolean {
  if (address === undefined) return name === 'localhost' || name.endsWith('.localhost')
  if (address.length === 4) return address[0] === 127 || address.every((byte) => byte === 0)
  const isMapped = address.slice(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 255))
  if (isMapped) return address[12] === 127
  return address.slice(0, 15).every((byte) => byte === 0) && (address[15] ?? 2) <= 1
}

/** Entries that cannot be read except nothing, as for curl. */
function isExcepted(host: Host, port: number, noProxy: string | undefined): boolean {
  const entries = (noProxy ?? '').toLowerCase().split(/[\s,]+/)
  return entries.some((entry) => entry !== '' && excepts(entry, host, port))
}

function excepts(entry: string, { name, address }: Host, port: number): boolean {
  if (entry === '*') return true
  const [, network, bits] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? []
  if (network !== undefined) return isInNetwork(address, hostOf(network).address, Number(bits))
  const [, ipv6, ipv6Port] = /^\[(.+)\](?::(\d+))?$/.exec(entry) ?? []
  const [, plain, plainPort] = /^([^:]+):(\d+)$/.exec(entry) ?? []
  const only = ipv6Port ?? plainPort
  if (only !== undefined && Number(only) !== port) return false
  const excepted = hostOf(ipv6 ?? plain ?? entry)
  if (address !== undefined || excepted.address !== undefined) {
    return isInNetwork(address, excepted.address, (excepted.address?.length ?? 0) * 8)
  }
  const suffix = excepted.name.replace(/^\*?\./, '')
  return suffix !== '' && (name === suffix || name.endsWith(`.${suffix}`))
}

function isInNetwork(
  address: readonly number[] | undefined,
  network: readonly number[] | undefined,
  bits: number,
): boolean {
  if (network === undefined || address?.length !== network.length || bits > network.length * 8) return false
  return network.every((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8))
    const mask = (0xff << (8 - kept)) & 0xff
    return (byte & mask) === ((address[index] ?? 0) & mask)
  })
}

function addressOf(name: string): number[] | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(name)) {
    const bytes = name.split('.').map(Number)
    return bytes.every((byte) => byte <= 255) ? bytes : undefined
  }
  // The parser of URLs knows every spelling of IPv6, and answers with one of them.
  if (!name.includes(':') || !URL.canParse(`http://[${name}]`)) return undefined
  const groups = new URL(`http://[${name}]`).hostname.slice(1, -1).split('::')
  const [left = [], right = []] = groups.map((part) => (part === '' ? [] : part.split(':')))
  const middle = Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...middle, ...right].flatMap((group) => {
    const value = parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}
