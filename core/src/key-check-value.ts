// The key check value stands beside every wrapped key. It commits the wrap to its key, whatever wraps it, and so it
// stays equal through every migration.
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import { contextPurpose, encodeContext } from './context/context.ts'
import { keyBytes } from './data-key.ts'
import { KeyholdError } from './errors.ts'

const label = Buffer.from('keyhold/kcv/1\0', 'ascii')

/** A key with its own identity, which says nothing about the key that wraps it. */
export interface IdentifiedKey {
  readonly tenantId: string
  readonly id: string
  readonly version: number
  readonly key: KeyObject
}

/** HMAC-SHA-256 of the key over its own identity. All 32 bytes are kept: half of them would have half the strength. */
export function keyCheckValue({ tenantId, id, version, key }: IdentifiedKey): Buffer {
  // HMAC pads its key with zeros, so it commits only to keys of one length.
  if (key.symmetricKeySize !== keyBytes)
    throw new RangeError(`"key" expected a secret key of ${keyBytes} bytes`)
  return createHmac('sha256', key)
    .update(label)
    .update(encodeContext({ purpose: contextPurpose.keyCheckValue, tenantId, objectId: id, version }))
    .digest()
}

/**
 * Compares in constant time.
 *
 * @throws KeyholdError `ERR_KEY_INTEGRITY` when the key is not the one that was stored
 */
export function verifyKeyCheckValue(key: IdentifiedKey, expected: Uint8Array): void {
  const actual = keyCheckValue(key)
  if (expected.length !== actual.length || !timingSafeEqual(actual, expected)) {
    throw new KeyholdError('ERR_KEY_INTEGRITY')
  }
}
