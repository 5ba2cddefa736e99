// The operators of conditions: how each one compares a value of the policy with a value of the request.
import { BlockList, isIP } from 'node:net'
import { literally, matchesArn, matchesGlob } from './glob.ts'

export interface Comparison {
  matches: (wanted: string, actual: string) => boolean
  isNegated: boolean
  /** Whether a policy may have such a value. Default: any. */
  isValid?: (wanted: string) => boolean
}

function isEqual(wanted: string, actual: string): boolean {
  return literally(wanted) === actual
}

function isEqualIgnoringCase(wanted: string, actual: string): boolean {
  return literally(wanted).toLowerCase() === actual.toLowerCase()
}

/** Of an address, or of a range as in `203.0.113.0/24`. */
function matchesAddress(wanted: string, actual: string): boolean {
  const list = blockListOf(wanted)
  const version = isIP(actual)
  // A list of IPv6 would take an IPv4 address for one of the mapped ones.
  const isSameVersion = version !== 0 && version === isIP(wanted.split('/')[0] ?? '')
  return list !== undefined && isSameVersion && list.check(actual, familyOf(version))
}

function blockListOf(text: string): BlockList | undefined {
  const [address = '', prefix, ...more] = text.split('/')
  const version = isIP(address)
  const bits = prefix === undefined ? (version === 6 ? 128 : 32) : Number(prefix)
  if (version === 0 || more.length > 0 || !/^\d*$/.test(prefix ?? '') || bits > (version === 6 ? 128 : 32)) {
    return undefined
  }
  const list = new BlockList()
  list.addSubnet(address, bits, familyOf(version))
  return list
}

function familyOf(version: number): 'ipv4' | 'ipv6' {
  return version === 6 ? 'ipv6' : 'ipv4'
}

function numberOf(text: string): number {
  return text.trim() === '' ? NaN : Number(text)
}

/** Milliseconds since 1970, from a date as in ISO 8601 or from seconds since 1970. */
function timeOf(text: string): number {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text)
}

/** The six operators of an order. A value that is none, NaN, meets no comparison but the negated one. */
function ordered(prefix: string, valueOf: (text: string) => number): [string, Comparison][] {
  const by = (holds: (actual: number, wanted: number) => boolean, isNegated = false): Comparison => ({
    matches: (wanted, actual) => holds(valueOf(actual), valueOf(wanted)),
    isNegated,
    isValid: (wanted) => !Number.isNaN(valueOf(wanted)),
  })
  return [
    [`${prefix}Equals`, by((actual, wanted) => actual === wanted)],
    [`${prefix}NotEquals`, by((actual, wanted) => actual === wanted, true)],
    [`${prefix}LessThan`, by((actual, wanted) => actual < wanted)],
    [`${prefix}LessThanEquals`, by((actual, wanted) => actual <= wanted)],
    [`${prefix}GreaterThan`, by((actual, wanted) => actual > wanted)],
    [`${prefix}GreaterThanEquals`, by((actual, wanted) => actual >= wanted)],
  ]
}

const isAddress = (wanted: string): boolean => blockListOf(wanted) !== undefined

export const comparisons: ReadonlyMap<string, Comparison> = new Map<string, Comparison>([
  ['StringEquals', { matches: isEqual, isNegated: false }],
  ['StringNotEquals', { matches: isEqual, isNegated: true }],
  ['StringEqualsIgnoreCase', { matches: isEqualIgnoringCase, isNegated: false }],
  ['StringNotEqualsIgnoreCase', { matches: isEqualIgnoringCase, isNegated: true }],
  ['StringLike', { matches: matchesGlob, isNegated: false }],
  ['StringNotLike', { matches: matchesGlob, isNegated: true }],
  ['ArnEquals', { matches: matchesArn, isNegated: false }],
  ['ArnLike', { matches: matchesArn, isNegated: false }],
  ['ArnNotEquals', { matches: matchesArn, isNegated: true }],
  ['ArnNotLike', { matches: matchesArn, isNegated: true }],
  ['Bool', { matches: isEqualIgnoringCase, isNegated: false }],
  ['BinaryEquals', { matches: isEqual, isNegated: false }],
  ['IpAddress', { matches: matchesAddress, isNegated: false, isValid: isAddress }],
  ['NotIpAddress', { matches: matchesAddress, isNegated: true, isValid: isAddress }],
  ...ordered('Numeric', numberOf),
  ...ordered('Date', timeOf),
])
