// The RSA keys of Keyhold as an issuer of identity tokens. The database keeps the private half, sealed by the root key. The public
// half is stored nowhere: whoever writes to the database would publish a key of his own, and sign in as every tenant.
import { contextPurpose, encodeContext, KeyholdError, open, seal } from '@keyhold/core'
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { RootKey } from '../root-key-file.ts'

const modulusBits = 3_072

/** A public RSA key as a JWK set has it: RFC 7517 section 4, RFC 7518 section 6.3.1. */
export interface PublicIssuerKey {
  kty: 'RSA'
  /** base64url. */
  n: string
  /** base64url. */
  e: string
  /** RFC 7638 thumbprint. */
  kid: string
  alg: 'RS256'
  use: 'sig'
}

export interface IssuerKey {
  /** RFC 7638 thumbprint, base64url. */
  id: string
  privateKey: KeyObject
  publicJwk: PublicIssuerKey
}

export interface WrappedIssuerKey {
  id: string
  privateKeyWrapped: Buffer
}

/** Takes most of a second, in a thread of Node's own. */
export async function createIssuerKey(rootKey: RootKey): Promise<WrappedIssuerKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: modulusBits })
  const { id } = issuerKeyOf(privateKey)
  const bytes = privateKey.export({ type: 'pkcs8', format: 'der' })
  try {
    return { id, privateKeyWrapped: seal(rootKey.key, wrapContext(rootKey, id), bytes) }
  } finally {
    bytes.fill(0)
  }
}

/** @throws KeyholdError `ERR_KEY_INTEGRITY` when the root key does not open it, or it is another key than its id says */
export function openIssuerKey(rootKey: RootKey, { id, privateKeyWrapped }: WrappedIssuerKey): IssuerKey {
  let bytes: Buffer
  try {
    bytes = open(rootKey.key, wrapContext(rootKey, id), privateKeyWrapped)
  } catch (cause) {
    throw new KeyholdError('ERR_KEY_INTEGRITY', { cause })
  }
  try {
    const key = issuerKeyOf(createPrivateKey({ key: bytes, type: 'pkcs8', format: 'der' }))
    if (key.id !== id) throw new KeyholdError('ERR_KEY_INTEGRITY')
    return key
  } finally {
    bytes.fill(0)
  }
}

function issuerKeyOf(privateKey: KeyObject): IssuerKey {
  const { e = '', n = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  // RFC 7638 section 3.2: the required members in lexicographic order.
  const id = createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url')
  return { id, privateKey, publicJwk: { kty: 'RSA', n, e, kid: id, alg: 'RS256', use: 'sig' } }
}

function wrapContext({ id: rootKeyId }: RootKey, id: string): Buffer {
  return encodeContext({
    purpose: contextPurpose.issuerKey,
    tenantId: '',
    objectId: id,
    version: 1,
    pairs: { rootKeyId },
  })
}
