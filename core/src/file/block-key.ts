// The key of the chunks of one file, and blocks of chunks under it: whoever has it seals or opens any block of that file, also in
// another thread, and nothing of another file.
import type { KeyObject } from 'node:crypto'
import { chunkBytes, openChunk, sealChunkInto, sealedChunkBytes, type ChunkKey } from '../cobblestone.ts'
import { isKeyholdError, KeyholdError } from '../errors.ts'
import { fileFormat } from './file-format.ts'

/** May be sent to a thread. It is derived from the data key, and does not reveal it. */
export interface BlockKey {
  key: KeyObject
  baseNonce: Uint8Array
}

/** A block of whole chunks, and with `isLast` a shorter chunk after them. */
export interface Block {
  /** The index of its first chunk in the file. */
  firstIndex: number
  bytes: Uint8Array
  isLast: boolean
}

/**
 * Encrypts a block. Each block of a file is encrypted once: two plaintexts at the same index would reveal each other.
 *
 * @returns the bytes written, from the start of `target`
 * @throws RangeError when `target` is too small, or the block is not made of whole chunks
 */
export function sealBlock(blockKey: BlockKey, { firstIndex, bytes, isLast }: Block, target: Buffer): number {
  const rest = bytes.length % chunkBytes
  const whole = (bytes.length - rest) / chunkBytes
  if (!isLast && rest !== 0)
    throw new RangeError(`"plaintext" expected whole chunks, got ${bytes.length} bytes`)
  const chunks = isLast ? whole + 1 : whole
  // Buffer.copy would silently drop the bytes that do not fit.
  if (bytes.length + chunks * (sealedChunkBytes - chunkBytes) > target.length)
    throw new RangeError(`"target" expected room for ${chunks} sealed chunks`)
  const chunkKey = chunkKeyOf(blockKey)
  let at = 0
  for (let index = 0; index < chunks; index++) {
    const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)
    at = sealChunkInto(target, at, chunkKey, firstIndex + index, chunk)
  }
  return at
}

/**
 * Decrypts a block.
 *
 * @param target - receives the plaintext; when the block is refused, it holds zeros instead
 * @returns the bytes written, from the start of `target`
 * @throws KeyholdError `ERR_DECRYPTION_FAILED`; its `details.offset` is where the chunk begins in the file
 */
export function openBlock(blockKey: BlockKey, { firstIndex, bytes, isLast }: Block, target: Buffer): number {
  const count = Math.ceil(bytes.length / sealedChunkBytes)
  // A file that ends with a whole chunk was cut there: the shorter chunk at its end is missing.
  if (isLast && bytes.length % sealedChunkBytes === 0) throw blockFailure(offsetOf(firstIndex + count))
  const chunkKey = chunkKeyOf(blockKey)
  let written = 0
  try {
    for (let index = 0; index < count; index++) {
      const chunk = bytes.subarray(index * sealedChunkBytes, (index + 1) * sealedChunkBytes)
      const isEnd = isLast && index === count - 1
      if (!hasItsLength(chunk.length, isEnd)) throw blockFailure(offsetOf(firstIndex + index))
      const plaintext = at(offsetOf(firstIndex + index), () => openChunk(chunkKey, firstIndex + index, chunk))
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
}

/** The last chunk is always shorter than the others. */
function hasItsLength(length: number, isLast: boolean): boolean {
  return isLast
    ? length >= sealedChunkBytes - chunkBytes && length < sealedChunkBytes
    : length === sealedChunkBytes
}

export function blockKeyOf({ key, baseNonce }: ChunkKey): BlockKey {
  return { key, baseNonce }
}

/** After its way to a thread the nonce is no Buffer any more. */
function chunkKeyOf({ key, baseNonce }: BlockKey): ChunkKey {
  return { key, baseNonce: Buffer.from(baseNonce.buffer, baseNonce.byteOffset, baseNonce.length) }
}

/** The byte of the file at which a chunk begins. */
function offsetOf(index: number): number {
  return fileFormat.headBytes + index * sealedChunkBytes
}

function at<Result>(offset: number, action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    throw isKeyholdError(error, 'ERR_DECRYPTION_FAILED') ? blockFailure(offset) : error
  }
}

export function blockFailure(offset: number, hint?: string): KeyholdError {
  const message =
    hint ?? `The file cannot be decrypted: the bytes at ${offset} are not the ones that were encrypted there.`
  return new KeyholdError('ERR_DECRYPTION_FAILED', { message, details: { offset: String(offset) } })
}
