// The installation's Ed25519 key, which signs its reports. The database keeps it, wrapped by the root key, so that all
// replicas sign with the same key.
import { contextPurpose, encodeContext, KeyholdError, open, seal } from '@keyhold/core'
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import type { RootKey } from './root-key-file.ts'

/** The public half. */
export interface VerifyingKey {
  /** RFC 7638 thumbprint of the public key, base64url. */
  id: string
  publicKey: KeyObject
}

export interface SigningKey extends VerifyingKey {
  privateKey: KeyObject
}

/** A signing key as stored. */
export interface WrappedSigningKey {
  id: string
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Buffer
  privateKeyWrapped: Buffer
}

export function createSigningKey(rootKey: RootKey): WrappedSigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const id = thumbprint(publicKey)
  const bytes = privateKey.export({ type: 'pkcs8', format: 'der' })
  try {
    return {
      id,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      privateKeyWrapped: seal(rootKey.key, wrapContext(rootKey, id), bytes),
    }
  } finally {
    bytes.fill(0)
  }
}

/** @throws KeyholdError `ERR_KEY_INTEGRITY` when the root key does not open it, or it belongs to another public key */
export function openSigningKey(rootKey: RootKey, stored: WrappedSigningKey): SigningKey {
  let bytes: Buffer
  try {
    bytes = open(rootKey.key, wrapContext(rootKey, stored.id), stored.privateKeyWrapped)
  } catch (cause) {
    throw new KeyholdError('ERR_KEY_INTEGRITY', { cause })
  }
  try {
    const privateKey = createPrivateKey({ key: bytes, type: 'pkcs8', format: 'der' })
    // The public key that is served comes from the private one. The column only has to agree.
    const publicKey = createPublicKey(privateKey)
    const isPair = publicKey.export({ type: 'spki', format: 'der' }).equals(stored.publicKey)
    if (!isPair || thumbprint(publicKey) !== stored.id) throw new KeyholdError('ERR_KEY_INTEGRITY')
    return { id: stored.id, publicKey, privateKey }
  } finally {
    bytes.fill(0)
  }
}

/** Signs JSON and answers a compact JWS (RFC 7515 section 7.1) with EdDSA over Ed25519 (RFC 8037 section 3.1). */
export function signJws({ id, privateKey }: SigningKey, payload: Readonly<Record<string, unknown>>): string {
  const header = { alg: 'EdDSA', kid: id }
  const input = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${sign(null, Buffer.from(input, 'ascii'), privateKey).toString('base64url')}`
}

/** Undefined: it is no Ed25519 key. */
export function readPublicKey(der: Buffer): VerifyingKey | undefined {
  try {
    const publicKey = createPublicKey({ key: der, type: 'spki', format: 'der' })
    return publicKey.asymmetricKeyType === 'ed25519' ? { id: thumbprint(publicKey), publicKey } : undefined
  } catch {
    return undefined
  }
}

/** The payload of a JWS that this key has signed; undefined: it has not. */
export function readOwnJws({ id, publicKey }: VerifyingKey, jws: string): unknown {
  const [header = '', payload = '', signature = '', ...rest] = jws.split('.')
  // Its own header is the only one that this key ever signs.
  const expected = Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: id })).toString('base64url')
  if (rest.length > 0 || header !== expected) return undefined
  const input = Buffer.from(`${header}.${payload}`, 'ascii')
  if (!verify(null, input, publicKey, Buffer.from(signature, 'base64url'))) return undefined
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}

function wrapContext({ id: rootKeyId }: RootKey, id: string): Buffer {
  return encodeContext({
    purpose: contextPurpose.signingKey,
    tenantId: '',
    objectId: id,
    version: 1,
    pairs: { rootKeyId },
  })
}

// RFC 7638 section 3, with the members that RFC 8037 section 2 requires of an OKP key, in lexicographic order.
function thumbprint(publicKey: KeyObject): string {
  const { crv, kty, x } = publicKey.export({ format: 'jwk' })
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
}
