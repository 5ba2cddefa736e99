// The operations of the signing key, which the KMS room has, as this room is given them.
import type { KeyObject } from 'node:crypto'
import type { StoredSigningKey } from '../../store/installation.ts'

/** The public half of a key. */
export interface VerifyingKey {
  /** RFC 7638 thumbprint, base64url. */
  id: string
  publicKey: KeyObject
}

export interface SigningCrypto<Key extends VerifyingKey> {
  /** Makes a key, wrapped by the root key. */
  create: () => StoredSigningKey
  /** Throws `ERR_KEY_INTEGRITY` where the root key does not open it, or it is the half of another key. */
  open: (stored: StoredSigningKey) => Key
  /** Undefined: it is no Ed25519 key. */
  readPublicKey: (der: Buffer) => VerifyingKey | undefined
  /** The payload of a compact JWS that this key has signed; undefined: it has not. */
  readJws: (key: VerifyingKey, jws: string) => unknown
  sign: (key: Key, payload: Readonly<Record<string, unknown>>) => string
}

/** The 32 bytes of the key, base64url. */
export function xOf({ publicKey }: VerifyingKey): string {
  return publicKey.export({ format: 'jwk' }).x ?? ''
}
