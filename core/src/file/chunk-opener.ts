// Opens Cobblestone-256 chunk by chunk, in any order: for streams, and for reads in the middle of a file.
import { timingSafeEqual, type KeyObject } from 'node:crypto'
import { chunkBytes, openChunk, prefixBytes, sealedChunkBytes } from '../cobblestone.ts'
import { KeyholdError } from '../errors.ts'
import { deriveMessageKey, saltBytes, type MessageKey } from '../message-key.ts'

/** Opens the chunks of one message. */
export interface ChunkOpener {
  readonly messageKey: MessageKey
  /**
   * Verifies one chunk's tag, and answers its plaintext in memory of its own.
   *
   * @param index - 0 and up; a chunk opens only at its own index
   * @param isLast - whether the message ends with this chunk. The last chunk is always shorter than the others. A
   * message that was cut between two chunks ends with a chunk of full length, which is refused
   * @throws KeyholdError `ERR_DECRYPTION_FAILED`
   */
  openChunk(index: number, sealed: Uint8Array, isLast: boolean): Buffer
}

/**
 * Compares the commitment before any chunk is opened: a wrong key or context is refused here.
 *
 * @param inputKey - the secret key of 32 bytes
 * @param prefix - the message's first 56 bytes
 * @throws KeyholdError `ERR_DECRYPTION_FAILED`
 */
export function createChunkOpener(inputKey: KeyObject, context: Uint8Array, prefix: Uint8Array): ChunkOpener {
  if (prefix.length !== prefixBytes) throw new KeyholdError('ERR_DECRYPTION_FAILED')
  const messageKey = deriveMessageKey(inputKey, prefix.subarray(0, saltBytes), context)
  if (!timingSafeEqual(messageKey.commitment, prefix.subarray(saltBytes)))
    throw new KeyholdError('ERR_DECRYPTION_FAILED')
  return {
    messageKey,
    openChunk(index, sealed, isLast) {
      const hasItsLength = isLast
        ? sealed.length >= sealedChunkBytes - chunkBytes && sealed.length < sealedChunkBytes
        : sealed.length === sealedChunkBytes
      if (!hasItsLength || !Number.isSafeInteger(index) || index < 0)
        throw new KeyholdError('ERR_DECRYPTION_FAILED')
      return openChunk(messageKey, index, sealed)
    },
  }
}
