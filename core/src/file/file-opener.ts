// Decrypts a file under a data key, block by block and in any order. Every byte is verified before it comes out, and an
// error names the place in the file.
import { blockFailure, blockKeyOf, openBlock, type BlockKey } from './block-key.ts'
import { createChunkOpener, type ChunkOpener } from './chunk-opener.ts'
import type { EncryptionContext } from '../context/context.ts'
import type { DataKey } from '../data-key.ts'
import { isKeyholdError, KeyholdError } from '../errors.ts'
import { fileContext, fileFormat } from './file-format.ts'
import { normalFormHint } from '../context/other-normal-forms.ts'
import { encodeHeader, parseHeader, type Header } from '../token.ts'

/** Decrypts blocks of one file. */
export interface FileOpener {
  /** For `openBlock` elsewhere. */
  readonly blockKey: BlockKey
  /**
   * Decrypts a block: whole chunks of the file, and with `isLast` the file's last and shorter chunk after them.
   *
   * @param firstIndex - the index of the block's first chunk
   * @param target - receives the plaintext; when the block is refused, it holds zeros instead
   * @returns the bytes written, from the start of `target`
   * @throws KeyholdError `ERR_DECRYPTION_FAILED`; its `details.offset` is where the chunk begins in the file
   */
  openBlock(firstIndex: number, sealed: Uint8Array, target: Buffer, isLast: boolean): number
}

/**
 * Parses the first bytes of a file. Nothing is verified yet.
 *
 * @throws KeyholdError `ERR_TOKEN_INVALID` for bytes that begin no encrypted file
 */
export function parseFileHeader(start: Buffer): Header {
  try {
    return parseHeader(start.subarray(0, fileFormat.headerBytes))
  } catch (cause) {
    const message = 'This is not a file that Keyhold encrypted.'
    throw new KeyholdError('ERR_TOKEN_INVALID', { message, cause, details: { offset: '0' } })
  }
}

/**
 * Refuses a key or a context that is not the file's own.
 *
 * @param head - the file's first 82 bytes
 * @throws KeyholdError `ERR_DECRYPTION_FAILED`
 */
export function createFileOpener(dataKey: DataKey, context: EncryptionContext, head: Buffer): FileOpener {
  const { headerBytes, headBytes } = fileFormat
  const own = encodeHeader({ dataKeyId: dataKey.id, version: dataKey.version })
  if (head.length !== headBytes || !head.subarray(0, headerBytes).equals(own)) throw blockFailure(0)
  const blockKey = blockKeyOf(openChunks(dataKey, context, head).messageKey)
  return {
    blockKey,
    openBlock(firstIndex, sealed, target, isLast) {
      return openBlock(blockKey, { firstIndex, bytes: sealed, isLast }, target)
    },
  }
}

function openChunks(dataKey: DataKey, context: EncryptionContext, head: Buffer): ChunkOpener {
  const { headerBytes } = fileFormat
  const tryWith = (pairs: EncryptionContext): ChunkOpener | undefined => {
    try {
      return createChunkOpener(dataKey.key, fileContext(dataKey, pairs), head.subarray(headerBytes))
    } catch (error) {
      if (!isKeyholdError(error, 'ERR_DECRYPTION_FAILED')) throw error
      return undefined
    }
  }
  const opened = tryWith(context)
  if (opened !== undefined) return opened
  throw blockFailure(
    headerBytes,
    normalFormHint(context, (other) => tryWith(other) !== undefined),
  )
}
