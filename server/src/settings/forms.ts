// The forms of settings that are more than a number.
import { parseProxy, partitionForm } from '@keyhold/core'
import { isLoopback } from '../driver/is-loopback.ts'
import { urlsOfHosts } from '../driver/hosts-of-url.ts'
import { parseDrRegions } from './parse-dr-regions.ts'
import { parseNetworks, type Network } from './parse-networks.ts'
import { parseUsd } from './parse-usd.ts'
import { parsePrivateHosts, type PrivateHost } from '../guarded-fetch/private-hosts.ts'
import type { Form } from './setting.ts'

const flag: Form<boolean> = {
  range: '`true` or `false`',
  expects: '"true" or "false"',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
}

function text(range: string): Form<string> {
  return { range, expects: range, parse: (text) => text }
}

function oneOf<const Word extends string>(words: readonly Word[]): Form<Word> {
  return {
    range: words.map((word) => `\`${word}\``).join(', '),
    expects: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
  }
}

const tlsVersions = { '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const

/** In Node's words. */
const tlsVersion: Form<'TLSv1.2' | 'TLSv1.3'> = {
  range: '`1.2` or `1.3`',
  expects: '1.2 or 1.3',
  parse: (text) => (text === '1.2' || text === '1.3' ? tlsVersions[text] : undefined),
}

// A colon stands in IPv6 addresses alone, where there are two at least: a port has a setting of its own.
const hostForm = /^(?:[A-Za-z0-9._-]+|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?)$/

/** Node listens on an IPv6 address without its brackets, which URLs need. */
const host: Form<string> = {
  range: 'an IPv4 address, an IPv6 address with or without brackets, or a host name',
  expects: 'an address or a host name, without a scheme and without a port',
  parse(text) {
    const [, bracketed] = /^\[(.*:.*)\]$/.exec(text) ?? []
    const address = bracketed ?? text
    return hostForm.test(address) ? address : undefined
  },
}

/** The driver reads the rest of it when it connects. */
const databaseUrl: Form<string> = {
  range: '`postgres://…` or `postgresql://…`',
  expects: 'a URL that begins with postgres://',
  parse(text) {
    if (!/^postgres(ql)?:\/\//.test(text)) return undefined
    urlsOfHosts(text)
    return text
  },
}

const endpoint: Form<string> = {
  range: '`aws`, or a URL with `http://` or `https://`',
  expects: 'a URL, or "aws"',
  parse: (text) => (text === 'aws' || (/^https?:\/\//.test(text) && URL.canParse(text)) ? text : undefined),
}

const proxy: Form<string> = {
  range:
    'a URL with `http://` or `https://`, or `host:port`; with `user:password@` where the proxy asks for it',
  expects: 'the URL of a proxy as http://host:port',
  parse: (text) => (parseProxy(text) === undefined ? undefined : text),
}

const drRegions: Form<ReadonlyMap<string, readonly string[]>> = {
  range:
    'pairs as `eu-west-1:eu-west-3` of one partition, separated by commas; a region may have several pairs',
  expects: 'pairs of AWS regions of one partition as <region>:<region that stands in>, separated by commas',
  // Only the default is empty.
  parse: (text) => (text === '' ? new Map() : parseDrRegions(text)),
}

const maxReplicas = 64

const replicas: Form<number | 'auto'> = {
  range: `1 to ${maxReplicas}, or \`auto\``,
  expects: `a whole number from 1 to ${maxReplicas}, or "auto"`,
  parse(text) {
    if (text === 'auto') return text
    const count = /^[1-9][0-9]?$/.test(text) ? Number(text) : NaN
    return count <= maxReplicas ? count : undefined
  },
}

/** In millionths of a dollar. */
const dollars: Form<number> = {
  range: 'dollars, with up to six decimals',
  expects: 'dollars as 0.03, with up to six decimals',
  parse: parseUsd,
}

const principalForm = new RegExp(
  `^arn:(?:${partitionForm}):iam::[0-9]{12}:(root|(user|role)/[A-Za-z0-9+=,.@_/-]{1,576})$`,
)

const principals: Form<readonly string[]> = {
  range: 'ARNs of IAM roles or users, separated by commas',
  expects: 'ARNs of IAM roles or users, separated by commas',
  parse(text) {
    const arns = text.split(',').map((each) => each.trim())
    return arns.every((each) => principalForm.test(each)) ? arns : undefined
  },
}

/** As browsers name the origin of a page: a host, and nothing behind it. In the clear on this machine alone. */
const publicUrl: Form<string> = {
  range: '`https://host` or `https://host:port`; `http://` on loopback alone',
  expects:
    'a URL as https://keyhold.example.com, without a path; http:// only with localhost or an address of loopback',
  parse(text) {
    if (!URL.canParse(text)) return undefined
    const { origin, protocol, hostname } = new URL(text)
    const isSafe =
      protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replaceAll(/^\[|\]$/g, '')))
    return isSafe && text === origin ? text : undefined
  },
}

const issuerPath = /^(?:\/[A-Za-z0-9._~-]+)*$/

/** As AWS takes the URL of an identity provider, and no two ways to write one: clouds compare it as text. */
const issuerUrl: Form<string> = {
  range: '`https://host` or `https://host/path`, without a port, a query, a fragment and a slash at its end',
  expects:
    'a URL as https://id.example.com or https://example.com/keyhold, with the name of a host in lower case, without a port, query, fragment and final slash',
  parse(text) {
    if (!text.startsWith('https://') || text.length > 255 || !URL.canParse(text)) return undefined
    const { host, hostname, pathname } = new URL(text)
    const path = pathname === '/' ? '' : pathname
    const isNamed = host === hostname && hostname.includes('.') && !/^[0-9.]+$|:/.test(hostname)
    return isNamed && issuerPath.test(path) && text === `https://${hostname}${path}` ? text : undefined
  },
}

const networks: Form<readonly Network[]> = {
  range: 'IPv4 and IPv6 networks as `10.0.0.0/8`, or addresses, separated by commas',
  expects: 'IPv4 and IPv6 networks as 10.0.0.0/8, or addresses, separated by commas',
  parse: parseNetworks,
}

const privateHosts: Form<readonly PrivateHost[]> = {
  range:
    'names with networks as `idp.internal=10.2.0.0/16`, with a port as `idp.internal:8443=10.2.0.0/16`, separated by commas',
  expects: 'hosts with their networks as idp.internal=10.2.0.0/16, separated by commas',
  parse: parsePrivateHosts,
}

export const forms = {
  publicUrl,
  flag,
  text,
  oneOf,
  tlsVersion,
  host,
  databaseUrl,
  endpoint,
  proxy,
  drRegions,
  replicas,
  dollars,
  principals,
  issuerUrl,
  networks,
  privateHosts,
}
