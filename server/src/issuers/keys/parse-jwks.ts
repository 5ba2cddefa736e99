// Reads the keys of an issuer out of a JWK set (RFC 7517). Keys that are not for signatures of its algorithms are left out, and so is
// whatever could be mistaken: a key id that stands there twice, a private key.
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { parseJson } from '../../json/parse-json.ts'
import { keyTypeOf } from '../algorithms.ts'
import { hasWeakPrimes } from './has-weak-primes.ts'

export interface IssuerKey {
  key: KeyObject
  /** The algorithm that it is for, if the set says so. */
  algorithm: string | undefined
}

/** By key id. */
export type KeySet = ReadonlyMap<string, IssuerKey>

/** The set cannot be used. Its words hold nothing of it. */
export class KeySetFault extends Error {}

const maxKeys = 100
const maxKeyId = 255
const rsaBits = { min: 2_048, max: 8_192 }
const minRsaExponent = 3n
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** @throws KeySetFault for what is no set of at most 100 keys, and for one without a key that fits */
export function parseJwks(bytes: Buffer, algorithms: readonly string[]): KeySet {
  const keys = membersOf(bytes)
  const found = new Map<string, IssuerKey>()
  const ids = new Set<string>()
  const twice = new Set<string>()
  for (const jwk of keys) {
    const { kid } = isObject(jwk) ? jwk : {}
    if (typeof kid !== 'string' || kid === '' || kid.length > maxKeyId) continue
    if (ids.has(kid)) twice.add(kid)
    ids.add(kid)
    const key = readKey(jwk as JsonWebKey, algorithms)
    if (key !== undefined) found.set(kid, key)
  }
  for (const kid of twice) found.delete(kid)
  if (found.size === 0) throw new KeySetFault('it has no key for the algorithms of the issuer')
  return found
}

function membersOf(bytes: Buffer): unknown[] {
  let value: unknown
  try {
    value = parseJson(bytes)
  } catch {
    throw new KeySetFault('it is no JSON')
  }
  const keys = isObject(value) ? value.keys : undefined
  if (!Array.isArray(keys)) throw new KeySetFault('it is no set of keys')
  if (keys.length > maxKeys) throw new KeySetFault(`it has more than ${maxKeys} keys`)
  return keys
}

function readKey(jwk: JsonWebKey, algorithms: readonly string[]): IssuerKey | undefined {
  if (jwk.kty !== keyTypeOf(algorithms) || privateMembers.some((name) => Object.hasOwn(jwk, name)))
    return undefined
  const { use, key_ops: operations, alg } = jwk
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return undefined
  if (alg !== undefined && (typeof alg !== 'string' || !algorithms.includes(alg))) return undefined
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    if (!isStrong(key) || (typeof jwk.n === 'string' && hasWeakPrimes(jwk.n))) return undefined
    return { key, algorithm: alg }
  } catch {
    return undefined
  }
}

const curves = ['prime256v1', 'secp384r1', 'secp521r1']

function isStrong({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = asymmetricKeyDetails
  if (asymmetricKeyType === 'rsa') {
    return modulusLength >= rsaBits.min && modulusLength <= rsaBits.max && publicExponent >= minRsaExponent
  }
  return asymmetricKeyType === 'ed25519' || (asymmetricKeyType === 'ec' && curves.includes(namedCurve))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
