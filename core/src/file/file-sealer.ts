// Encrypts a file under a data key, block by block: no file needs to fit into memory.
import { blockKeyOf, type BlockKey } from './block-key.ts'
import { createChunkSealer, unsafeCreateChunkSealerWithSalt, type ChunkSealer } from './chunk-sealer.ts'
import { chunkBytes } from '../cobblestone.ts'
import type { EncryptionContext } from '../context/context.ts'
import type { DataKey } from '../data-key.ts'
import { fileContext } from './file-format.ts'
import { encodeHeader } from '../token.ts'

/** Encrypts one file, from its first block to its last. */
export interface FileSealer {
  /** Header, salt and commitment, which come before the chunks: 82 bytes. */
  readonly head: Buffer
  /** For `sealBlock` elsewhere, in place of this object's own. */
  readonly blockKey: BlockKey
  /**
   * Encrypts the next block: whole chunks of 16 KiB, and with `isLast` a shorter one, or an empty one, after them.
   *
   * @returns the bytes written, from the start of `target`
   * @throws RangeError when `target` is too small, the block is not made of whole chunks, or it follows the last one
   */
  sealBlock(plaintext: Uint8Array, target: Buffer, isLast: boolean): number
}

/**
 * Starts a file, bound to tenant, data key, version and `context`.
 *
 * @param context - checked by `checkEncryptionContext`
 */
export function createFileSealer(dataKey: DataKey, context: EncryptionContext): FileSealer {
  return fileSealer(dataKey, createChunkSealer(dataKey.key, fileContext(dataKey, context)))
}

/** Takes the salt, for known-answer tests only: a salt used twice with one key reveals both plaintexts. */
export function unsafeCreateFileSealerWithSalt(
  dataKey: DataKey,
  context: EncryptionContext,
  salt: Uint8Array,
): FileSealer {
  const chunks = unsafeCreateChunkSealerWithSalt(dataKey.key, fileContext(dataKey, context), salt)
  return fileSealer(dataKey, chunks)
}

function fileSealer(dataKey: DataKey, chunks: ChunkSealer): FileSealer {
  return {
    head: Buffer.concat([encodeHeader({ dataKeyId: dataKey.id, version: dataKey.version }), chunks.prefix]),
    blockKey: blockKeyOf(chunks.messageKey),
    sealBlock(plaintext, target, isLast) {
      const rest = plaintext.length % chunkBytes
      if (!isLast && rest !== 0)
        throw new RangeError(`"plaintext" expected whole chunks, got ${plaintext.length} bytes`)
      const whole = plaintext.length - rest
      let at = 0
      for (let start = 0; start < whole; start += chunkBytes)
        at = chunks.sealChunk(plaintext.subarray(start, start + chunkBytes), target, at)
      return isLast ? chunks.sealChunk(plaintext.subarray(whole), target, at) : at
    },
  }
}
