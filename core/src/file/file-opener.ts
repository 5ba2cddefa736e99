// Decrypts a file under a data key, block by block and in any order. Every byte is verified before it comes out, and an
// error names the place in the file.
import { createChunkOpener, type ChunkOpener } from './chunk-opener.ts'
import { chunkBytes, sealedChunkBytes } from '../cobblestone.ts'
import type { EncryptionContext } from '../context/context.ts'
import type { DataKey } from '../data-key.ts'
import { isKeyholdError, KeyholdError } from '../errors.ts'
import { fileContext, fileFormat } from './file-format.ts'
import { normalFormHint } from '../context/other-normal-forms.ts'
import { encodeHeader, parseHeader, type Header } from '../token.ts'

/** Decrypts blocks of one file. */
export interface FileOpener {
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
  if (head.length !== headBytes || !head.subarray(0, headerBytes).equals(own)) throw failure(0)
  const chunks = openChunks(dataKey, context, head)
  return {
    openBlock(firstIndex, sealed, target, isLast) {
      const count = Math.ceil(sealed.length / sealedChunkBytes)
      // A file that ends with a whole chunk was cut there: the shorter chunk at its end is missing.
      if (isLast && sealed.length % sealedChunkBytes === 0) throw failure(offsetOf(firstIndex + count))
      let written = 0
      try {
        for (let index = 0; index < count; index++) {
          const chunk = sealed.subarray(index * sealedChunkBytes, (index + 1) * sealedChunkBytes)
          const plaintext = at(offsetOf(firstIndex + index), () =>
            chunks.openChunk(firstIndex + index, chunk, isLast && index === count - 1),
          )
          if (written + plaintext.length > target.length)
            throw new RangeError(`"target" expected room for ${count * chunkBytes} bytes`)
          written += plaintext.copy(target, written)
          plaintext.fill(0)
        }
      } catch (error) {
        target.fill(0, 0, written)
        throw error
      }
      return written
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
  throw failure(
    headerBytes,
    normalFormHint(context, (other) => tryWith(other) !== undefined),
  )
}

/** The byte of the file at which a chunk begins. */
function offsetOf(index: number): number {
  return fileFormat.headBytes + index * sealedChunkBytes
}

function at<Result>(offset: number, action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    throw isKeyholdError(error, 'ERR_DECRYPTION_FAILED') ? failure(offset) : error
  }
}

function failure(offset: number, hint?: string): KeyholdError {
  const message =
    hint ?? `The file cannot be decrypted: the bytes at ${offset} are not the ones that were encrypted there.`
  return new KeyholdError('ERR_DECRYPTION_FAILED', { message, details: { offset: String(offset) } })
}
