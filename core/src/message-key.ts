// The key, base nonce and commitment of one Cobblestone-256 message, derived from the input key, a salt and a context.
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

const label = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0', 'ascii')
const inputKeyBytes = 32
const blockBytes = 64
const nonceBytes = 12
export const saltBytes = 24
export const commitmentBytes = 32

export interface MessageKey {
  key: KeyObject
  baseNonce: Buffer
  commitment: Buffer
}

// One HMAC update over bytes that lie together costs half of five small ones. The room is shared by all calls, which
// never overlap: nothing here is asynchronous.
const roomBytes = 16_384
const room = Buffer.alloc(roomBytes)
const infoStart = blockBytes
label.copy(room, infoStart)

/**
 * Derives 76 bytes by HKDF-Expand with SHA-512 (RFC 5869 section 2.3): T(1) and the head of T(2).
 *
 * @throws RangeError for an input key that is not of 32 bytes
 */
export function deriveMessageKey(inputKey: KeyObject, salt: Uint8Array, context: Uint8Array): MessageKey {
  // HMAC pads its key with zeros: without this, a key and the same key with a zero byte more would be one key.
  if (inputKey.symmetricKeySize !== inputKeyBytes) {
    throw new RangeError(`"inputKey" expected ${inputKeyBytes} bytes, got ${inputKey.symmetricKeySize ?? 0}`)
  }
  const counterAt = infoStart + label.length + saltBytes + context.length
  const bytes = counterAt < roomBytes ? room : Buffer.alloc(counterAt + 1)
  if (bytes !== room) label.copy(bytes, infoStart)
  bytes.set(salt, infoStart + label.length)
  bytes.set(context, infoStart + label.length + saltBytes)

  bytes[counterAt] = 1
  const first = createHmac('sha512', inputKey)
    .update(bytes.subarray(infoStart, counterAt + 1))
    .digest()
  first.copy(bytes, 0)
  bytes[counterAt] = 2
  const second = createHmac('sha512', inputKey)
    .update(bytes.subarray(0, counterAt + 1))
    .digest()
  bytes.fill(0, 0, blockBytes)

  const commitment = Buffer.allocUnsafe(commitmentBytes)
  first.copy(commitment, 0, inputKeyBytes + nonceBytes, blockBytes)
  second.copy(commitment, blockBytes - inputKeyBytes - nonceBytes, 0, nonceBytes)
  const key = createSecretKey(first.subarray(0, inputKeyBytes))
  const baseNonce = Buffer.from(first.subarray(inputKeyBytes, inputKeyBytes + nonceBytes))
  first.fill(0)
  return { key, baseNonce, commitment }
}

/** The nonce of a chunk: the base nonce XOR its index, a 96-bit big-endian integer of which 53 bits are ever used. */
export function chunkNonce(baseNonce: Buffer, index: number): Buffer {
  if (index === 0) return baseNonce
  const nonce = Buffer.from(baseNonce)
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ (index >>> 0)) >>> 0, 8)
  nonce.writeUInt32BE((nonce.readUInt32BE(4) ^ Math.floor(index / 2 ** 32)) >>> 0, 4)
  return nonce
}
