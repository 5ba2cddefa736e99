// The keys of the hierarchy as the program holds them: identity beside a KeyObject, which neither prints nor
// serialises its bytes and is several times faster for GCM than a Buffer.
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto'

/** Every key of the hierarchy is an AES-256 key or derives them. */
export const keyBytes = 32

/** A tenant key version in memory. */
export interface TenantKey {
  readonly tenantId: string
  /** UUID, another one for each version. */
  readonly id: string
  /** 1 and up. */
  readonly version: number
  readonly key: KeyObject
}

/** A data key version in memory. */
export interface DataKey {
  readonly tenantId: string
  /** UUID, the same for all versions. */
  readonly id: string
  /** 1 and up. */
  readonly version: number
  readonly key: KeyObject
}

/** Makes a key from the secure generator, in memory of its own that is wiped at once. */
export function generateKey(): KeyObject {
  return keyFromBytes(randomBytes(keyBytes))
}

/** Takes over `bytes` as a key and wipes them. */
export function keyFromBytes(bytes: Uint8Array): KeyObject {
  if (bytes.length !== keyBytes)
    throw new RangeError(`"bytes" expected ${keyBytes} bytes, got ${bytes.length}`)
  try {
    return createSecretKey(bytes)
  } finally {
    bytes.fill(0)
  }
}
