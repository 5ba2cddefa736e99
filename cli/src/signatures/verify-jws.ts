// Verifies a signature of the server: a compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037).
import type { JsonWebKeySet } from '@keyhold/client'
import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { CliError } from '../errors/cli-error.ts'

/** Something signed, and the bytes that were signed. */
export interface Signed {
  jws: string
  content: object
}

/**
 * Answers the id of the key that signed it.
 *
 * @param name - the name of the signed thing in errors
 *
 * @throws CliError `failed` when none of the keys has signed it, or `content` is not what was signed
 */
export function verifyJws({ jws, content }: Signed, { keys }: JsonWebKeySet, name: string): string {
  const [header = '', payload = '', signature = '', ...rest] = jws.split('.')
  const { alg, kid } = parsePart(header)
  const key = keys.find((each) => each.kid === kid)
  if (rest.length > 0 || alg !== 'EdDSA' || key === undefined)
    throw invalid(name, 'it names none of the keys')
  const publicKey = publicKeyOf(key)
  if (publicKey === undefined) throw invalid(name, 'the key that it names is no Ed25519 key')
  const isValid = verify(
    null,
    Buffer.from(`${header}.${payload}`),
    publicKey,
    Buffer.from(signature, 'base64url'),
  )
  if (!isValid) throw invalid(name, 'the key that it names did not make it')
  if (!isDeepStrictEqual(parsePart(payload), content))
    throw invalid(name, 'it is the signature of other words')
  return key.kid
}

/** Undefined for a broken one: a key set may come from a file. */
function publicKeyOf({ kty, crv, x }: JsonWebKeySet['keys'][number]): KeyObject | undefined {
  try {
    const publicKey = createPublicKey({ key: { kty, crv, x }, format: 'jwk' })
    return publicKey.asymmetricKeyType === 'ed25519' ? publicKey : undefined
  } catch {
    return undefined
  }
}

function parsePart(text: string): Record<string, unknown> {
  try {
    const part: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return typeof part === 'object' && part !== null ? { ...part } : {}
  } catch {
    return {}
  }
}

function invalid(name: string, why: string): CliError {
  return new CliError('failed', 'ERR_CLI_SIGNATURE', `the signature of ${name} is not valid: ${why}`)
}
