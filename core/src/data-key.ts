// The keys of the hierarchy in memory: an identity beside a KeyObject, which neither prints nor serialises its bytes and
// is several times faster for GCM than a Buffer.
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto'

/** Every key of the hierarchy is an AES-256 key, or AES-256 keys are derived from it. */
export const keyBytes = 32

/** Says what the wraps under a tenant key version bind: 1 the identities of both keys, 2 also the `CipherkeyFacts`. */
export type WrapFormat = 1 | 2

/** A tenant key version in memory. */
export interface TenantKey {
  readonly tenantId: string
  /** A UUID, different for each version. */
  readonly id: string
  /** 1 and up. */
  readonly version: number
  /** As its authenticated row says, and never as a cipherkey does: whoever could choose would choose the weaker one. */
  readonly format: WrapFormat
  readonly key: KeyObject
}

/** A data key version in memory. */
export interface DataKey {
  readonly tenantId: string
  /** A UUID, the same for all versions. */
  readonly id: string
  /** 1 and up. */
  readonly version: number
  readonly key: KeyObject
}

/** Makes a random key. The bytes it comes from have memory of their own, which is wiped at once. */
export function generateKey(): KeyObject {
  return keyFromBytes(randomBytes(keyBytes))
}

/** Makes a key of `bytes`, and wipes them. */
export function keyFromBytes(bytes: Uint8Array): KeyObject {
  if (bytes.length !== keyBytes)
    throw new RangeError(`"bytes" expected ${keyBytes} bytes, got ${bytes.length}`)
  try {
    return createSecretKey(bytes)
  } finally {
    bytes.fill(0)
  }
}
