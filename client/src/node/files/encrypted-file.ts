// Reads ranges of an encrypted file: only the chunks that cover a range are read and decrypted.
import {
  createFileOpener,
  fileFormat,
  KeyholdError,
  parseFileHeader,
  plaintextFileBytes,
  type DataKey,
  type FileOpener,
} from '@keyhold/core'
import type { FileHandle } from 'node:fs/promises'
import { optional, readOptions } from '../../checks/read-members.ts'
import { wrongMember } from '../../checks/wrong-member.ts'
import type { SignalOption } from '../../value-cipher.ts'
import type { DataKeyLeases } from '../data-key-leases.ts'
import { signalReaders, streamReaders } from './file-options.ts'
import { closeSource, openSource, readBlock } from './file-source.ts'
import { readFilePath } from './read-file-path.ts'

/** An open encrypted file. Close it when done. */
export interface EncryptedFile {
  /**
   * The size of the content in bytes, once the file's last chunk is verified. A file that was cut has no size.
   *
   * @throws KeyholdError `ERR_DECRYPTION_FAILED`
   */
  size(): Promise<number>
  /**
   * The content from `start` to before `end`; without `end`, to the end of the file. As for `slice`, numbers below zero
   * count from the end, and numbers beyond the content are cut.
   *
   * @throws KeyholdError `ERR_DECRYPTION_FAILED`, with the place in `details.offset`; KeyholdClientError
   * `ERR_CLIENT_RANGE_INVALID`, also for a range that does not fit into memory
   */
  readRange(start: number, end?: number, options?: SignalOption): Promise<Buffer<ArrayBuffer>>
  close(): Promise<void>
}

export async function openEncryptedFile(
  leases: DataKeyLeases,
  path: unknown,
  options: unknown,
): Promise<EncryptedFile> {
  const { context = {}, signal } = readOptions(options, streamReaders)
  const handle = await openSource(readFilePath(path, 'path'), signal)
  try {
    const room = Buffer.alloc(fileFormat.headBytes)
    const head = room.subarray(0, await readBlock(handle, room, signal))
    parseFileHeader(head)
    const chunks = new ChunkReader(handle, async (readSignal) => {
      const { key } = await leases.forHeader(head.subarray(0, fileFormat.headerBytes), readSignal)
      return [key.dataKey, () => createFileOpener(key.dataKey, context, head)]
    })
    // A wrong context shows here, before the first range is read.
    await chunks.opener(signal)
    return encryptedFile(chunks, handle)
  } catch (error) {
    closeSource(handle)
    throw error
  }
}

function encryptedFile(chunks: ChunkReader, handle: FileHandle): EncryptedFile {
  return {
    size: () => chunks.verifiedSize(undefined),
    async readRange(givenStart, givenEnd, options) {
      const { signal } = readOptions(options, signalReaders)
      const start = readPlace(givenStart, 'start')
      const end = optional(readPlace)(givenEnd, 'end')
      const isFromEnd = start < 0 || end === undefined || end < 0
      const fileSize = await chunks.size()
      // A range that reaches the end tells where the end is, so the end must be verified.
      const touchesEnd = isFromEnd || fileSize === undefined || end >= fileSize
      const size = touchesEnd ? await chunks.verifiedSize(signal) : fileSize
      const from = start < 0 ? Math.max(0, size + start) : Math.min(start, size)
      const to = end === undefined ? size : end < 0 ? Math.max(0, size + end) : Math.min(end, size)
      return chunks.read(from, Math.max(from, to), size, signal)
    },
    close: () => handle.close(),
  }
}

/** A place in the content; below zero it counts from the end. */
export function readPlace(value: unknown, member: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw wrongMember('ERR_CLIENT_RANGE_INVALID', member, 'a whole number')
}

type KeySource = (signal: AbortSignal | undefined) => Promise<[DataKey, () => FileOpener]>

class ChunkReader {
  readonly #handle: FileHandle
  readonly #keySource: KeySource
  // By data key. Only the leases hold the data keys, so an opener goes when its lease ends.
  readonly #openers = new WeakMap<DataKey, FileOpener>()

  constructor(handle: FileHandle, keySource: KeySource) {
    this.#handle = handle
    this.#keySource = keySource
  }

  /** Asks for the key each time, so that nothing is decrypted after the lease. */
  async opener(signal: AbortSignal | undefined): Promise<FileOpener> {
    const [dataKey, create] = await this.#keySource(signal)
    const known = this.#openers.get(dataKey)
    if (known !== undefined) return known
    const opener = create()
    this.#openers.set(dataKey, opener)
    return opener
  }

  /** The size by the file's length, which is not verified; undefined where the file was cut. */
  async size(): Promise<number | undefined> {
    return plaintextFileBytes((await this.#handle.stat()).size)
  }

  async verifiedSize(signal: AbortSignal | undefined): Promise<number> {
    const size = await this.size()
    if (size === undefined) throw cutAt((await this.#handle.stat()).size)
    const lastChunk = Math.floor(size / fileFormat.chunkBytes)
    await this.#open(lastChunk, lastChunk, size, signal)
    return size
  }

  async read(
    from: number,
    to: number,
    size: number,
    signal: AbortSignal | undefined,
  ): Promise<Buffer<ArrayBuffer>> {
    const first = Math.floor(from / fileFormat.chunkBytes)
    const last = Math.floor((to - 1) / fileFormat.chunkBytes)
    if (to <= from) return Buffer.alloc(0)
    const plaintext = await this.#open(first, last, size, signal)
    const start = first * fileFormat.chunkBytes
    return plaintext.subarray(from - start, to - start)
  }

  /** The content of the chunks from `first` to `last`. */
  async #open(
    first: number,
    last: number,
    size: number,
    signal: AbortSignal | undefined,
  ): Promise<Buffer<ArrayBuffer>> {
    const opener = await this.opener(signal)
    const isLast = last === Math.floor(size / fileFormat.chunkBytes)
    const sealed = roomFor((last - first + 1) * fileFormat.sealedChunkBytes)
    const at = fileFormat.headBytes + first * fileFormat.sealedChunkBytes
    const length = await readBlock(this.#handle, sealed, signal, at)
    const plaintext = roomFor((last - first + 1) * fileFormat.chunkBytes)
    const written = opener.openBlock(first, sealed.subarray(0, length), plaintext, isLast)
    return plaintext.subarray(0, written)
  }
}

function roomFor(bytes: number): Buffer<ArrayBuffer> {
  try {
    return Buffer.allocUnsafeSlow(bytes)
  } catch (cause) {
    throw wrongMember('ERR_CLIENT_RANGE_INVALID', 'end', 'a range that fits into memory', cause)
  }
}

function cutAt(fileBytes: number): KeyholdError {
  const chunk = Math.max(0, Math.floor((fileBytes - fileFormat.headBytes) / fileFormat.sealedChunkBytes))
  const offset = fileFormat.headBytes + chunk * fileFormat.sealedChunkBytes
  const message = `The file cannot be decrypted: it was cut in, or before, what begins at byte ${offset}.`
  return new KeyholdError('ERR_DECRYPTION_FAILED', { message, details: { offset: String(offset) } })
}
