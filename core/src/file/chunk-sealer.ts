// Seals Cobblestone-256 chunk by chunk, for messages that do not fit into memory. The bytes are the same as `seal`'s.
import type { KeyObject } from 'node:crypto'
import { chunkBytes, prefixBytes, sealChunkInto } from '../cobblestone.ts'
import { deriveMessageKey, saltBytes, type MessageKey } from '../message-key.ts'
import { fillRandom } from '../random.ts'

/** Seals one message, from its first chunk to its last. */
export interface ChunkSealer {
  /** Salt and commitment, which come before the chunks. */
  readonly prefix: Buffer
  /** Seals chunks by their index, each once. */
  readonly messageKey: MessageKey
  /**
   * Writes the next sealed chunk, 16 bytes longer than its plaintext, to `target` at `at`.
   *
   * @param plaintext - 16 KiB. A shorter or empty chunk ends the message; without one the message is incomplete
   * @returns the place in `target` after the sealed chunk
   * @throws RangeError for a chunk that is too long, that comes after the last one, or that `target` has no room for
   */
  sealChunk(plaintext: Uint8Array, target: Buffer, at: number): number
}

/**
 * @param inputKey - a secret key of 32 bytes
 * @param context - public bytes of any length, which opening needs again
 */
export function createChunkSealer(inputKey: KeyObject, context: Uint8Array): ChunkSealer {
  const salt = Buffer.allocUnsafe(saltBytes)
  fillRandom(salt)
  return unsafeCreateChunkSealerWithSalt(inputKey, context, salt)
}

/** Takes the salt, for known-answer tests only: a salt used twice with one key reveals both plaintexts. */
export function unsafeCreateChunkSealerWithSalt(
  inputKey: KeyObject,
  context: Uint8Array,
  salt: Uint8Array,
): ChunkSealer {
  if (salt.length !== saltBytes)
    throw new RangeError(`"salt" expected ${saltBytes} bytes, got ${salt.length}`)
  const messageKey = deriveMessageKey(inputKey, salt, context)
  const prefix = Buffer.alloc(prefixBytes)
  prefix.set(salt)
  prefix.set(messageKey.commitment, saltBytes)
  let next = 0
  let ended = false
  return {
    ...{ prefix, messageKey },
    sealChunk(plaintext, target, at) {
      if (ended) throw new RangeError('"plaintext" expected nothing more after a chunk of less than 16 KiB')
      if (plaintext.length > chunkBytes)
        throw new RangeError(`"plaintext" expected at most ${chunkBytes} bytes, got ${plaintext.length}`)
      // Buffer.copy would silently drop the bytes that do not fit.
      if (at + plaintext.length + 16 > target.length)
        throw new RangeError(`"target" expected room for ${plaintext.length + 16} bytes`)
      const end = sealChunkInto(target, at, messageKey, next, plaintext)
      next += 1
      ended = plaintext.length < chunkBytes
      return end
    },
  }
}
