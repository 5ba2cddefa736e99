// The form of an encrypted file: a token's header in binary, then the Cobblestone-256 message.
//
//   "KH" 01 ‖ u16 suite ‖ u8 flags ‖ 16 bytes data key id ‖ u32 data key version ‖ salt(24) ‖ commitment(32) ‖ chunks
//
// Chunk i begins at 82 + i × 16,400, so a file is seekable.
import { chunkBytes, isSealedLength, prefixBytes, sealedChunkBytes, sealedLength } from '../cobblestone.ts'
import { contextPurpose, encodeContext, type EncryptionContext } from '../context/context.ts'
import type { DataKey } from '../data-key.ts'
import { encodeHeader, headerBytes } from '../token.ts'

export const fileFormat = {
  /** The header names the data key. */
  headerBytes,
  /** Bytes before the first chunk. */
  headBytes: headerBytes + prefixBytes,
  /** Plaintext bytes of every chunk but the last, which has fewer. */
  chunkBytes,
  /** Bytes of every chunk but the last, in the file. */
  sealedChunkBytes,
} as const

/** The size of the file that encrypts `plaintextBytes` bytes. */
export function encryptedFileBytes(plaintextBytes: number): number {
  return headerBytes + sealedLength(plaintextBytes)
}

/** The size of the plaintext in a file of `fileBytes` bytes; undefined when no whole file has this size. */
export function plaintextFileBytes(fileBytes: number): number | undefined {
  const sealedBytes = fileBytes - headerBytes
  if (!Number.isSafeInteger(fileBytes) || !isSealedLength(sealedBytes)) return undefined
  const chunks = Math.ceil((sealedBytes - prefixBytes) / sealedChunkBytes)
  return sealedBytes - prefixBytes - chunks * (sealedChunkBytes - chunkBytes)
}

/** The bytes that a file is bound to. The header has a fixed length, so header and context cannot run together. */
export function fileContext(dataKey: DataKey, context: EncryptionContext): Buffer {
  const { tenantId, id: objectId, version } = dataKey
  return Buffer.concat([
    encodeHeader({ dataKeyId: objectId, version }),
    encodeContext({ purpose: contextPurpose.file, tenantId, objectId, version, pairs: context }),
  ])
}
