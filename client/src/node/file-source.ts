// Reading a file, a pipe or a device in full blocks.
import { open, type FileHandle } from 'node:fs/promises'
import { abortable } from './abortable.ts'
import { KeyholdFileError } from './keyhold-file-error.ts'

/** @throws KeyholdFileError for a directory or a socket; the disk's own errors */
export async function openSource(path: string, signal: AbortSignal | undefined): Promise<FileHandle> {
  signal?.throwIfAborted()
  // Opening a pipe waits for its writer, and nothing ends that: who gives up leaves the handle to be closed later.
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

/** Closes what was read from. Nobody waits for it: with a read of a silent pipe under way it ends with that. */
export function closeSource(handle: FileHandle): void {
  handle.close().catch(() => undefined)
}

/** Fills `block` from where the handle stands; answers fewer bytes only at the end. */
export async function readBlock(
  handle: FileHandle,
  block: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  let length = 0
  while (length < block.length) {
    signal?.throwIfAborted()
    const { bytesRead } = await abortable(handle.read(block, length, block.length - length, null), signal)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}
