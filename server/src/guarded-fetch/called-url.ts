// The URLs that are called at all, and which addresses their hosts may have.
import { KeyholdError } from '@keyhold/core'
import { isIP } from 'node:net'
import type { PrivateHost } from './private-hosts.ts'
import { isInNetwork, isPublicAddress } from './public-addresses.ts'

/** Why a URL is not called, or its answer not taken. It tells nothing of what is behind the address. */
export type RefusalReason = 'url' | 'scheme' | 'user-info' | 'host' | 'port' | 'address' | 'redirect'

export interface CallRules {
  /** Ports that any host may have. */
  ports: readonly number[]
  privateHosts: readonly PrivateHost[]
  /** Whether the network translates `64:ff9b::/96`. */
  isNat64: boolean
}

export interface CalledUrl {
  /** A name or an address, in lower case, without brackets and without a dot at its end. */
  host: string
  port: number
  pathAndQuery: string
  /** Whether the host may have this address. */
  mayHave: (address: string) => boolean
}

const maxHostLength = 253
const maxUrlLength = 2_048
const httpsPort = 443

/** @throws KeyholdError `ERR_ADDRESS_REFUSED`, with the reason in its details */
export function readCalledUrl(text: string, { ports, privateHosts, isNat64 }: CallRules): CalledUrl {
  if (text.length > maxUrlLength || !URL.canParse(text)) throw refused('url', 'It is no URL, or too long.')
  const url = new URL(text)
  if (url.protocol !== 'https:') throw refused('scheme', 'Its scheme is not https.')
  if (url.username !== '' || url.password !== '') throw refused('user-info', 'It holds a user or a password.')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  if (host === '' || host.length > maxHostLength) throw refused('host', 'Its host is missing or too long.')
  const port = url.port === '' ? httpsPort : Number(url.port)
  const listed = privateHosts.filter((each) => each.name === host)
  const networks = listed.filter((each) =>
    each.port === undefined ? ports.includes(port) : each.port === port,
  )
  if (!ports.includes(port) && networks.length === 0) throw refused('port', 'Its port is not allowed.')
  const mayHave = (address: string) =>
    (ports.includes(port) && isPublicAddress(address, isNat64)) ||
    networks.some(({ network }) => isInNetwork(address, network))
  // The system asks nobody about a host that is an address.
  if (isIP(host) !== 0 && !mayHave(host)) throw refused('address', 'Its address is not allowed.')
  return { host, port, pathAndQuery: `${url.pathname}${url.search}`, mayHave }
}

export function refused(reason: RefusalReason, why: string): KeyholdError {
  return new KeyholdError('ERR_ADDRESS_REFUSED', {
    message: `The URL is not called. ${why}`,
    details: { reason },
  })
}
