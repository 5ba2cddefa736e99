// Reads a file, a pipe or a device in full blocks.
import { open, type FileHandle } from 'node:fs/promises'
import { abortable } from './abortable.ts'
import { KeyholdFileError } from './keyhold-file-error.ts'

/** @throws KeyholdFileError for a directory or a socket; Node's own errors */
export async function openSource(path: string, signal: AbortSignal | undefined): Promise<FileHandle> {
  signal?.throwIfAborted()
  // Opening a pipe waits for its writer, and nothing can end that. After an abort the handle is closed when it opens.
  const opening = open(path)
  const handle = await abortable(opening, signal).catch((error: unknown) => {
    opening.then((late) => late.close()).catch(() => undefined)
    throw error
  })
  try {
    const stat = await handle.stat()
    if (stat.isDirectory())
      throw new KeyholdFileError('ERR_FILE_NOT_READABLE', 'the source is a directory', path)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Closes a source without waiting: a read of a silent pipe may be under way, and closing waits for it. */
export function closeSource(handle: FileHandle): void {
  handle.close().catch(() => undefined)
}

// Node aborts the whole process when it has to read 2 GiB at once.
const longestRead = 2 ** 30

/**
 * Fills `block`; answers fewer bytes only at the end.
 *
 * @param at - where to begin; by default where the handle stands, as a pipe has no other place
 */
export async function readBlock(
  handle: Pick<FileHandle, 'read'>,
  block: Uint8Array,
  signal: AbortSignal | undefined,
  at?: number,
): Promise<number> {
  let length = 0
  while (length < block.length) {
    signal?.throwIfAborted()
    const wanted = Math.min(block.length - length, longestRead)
    const place = at === undefined ? null : at + length
    const { bytesRead } = await abortable(handle.read(block, length, wanted, place), signal)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}
