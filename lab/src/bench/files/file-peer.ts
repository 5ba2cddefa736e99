// What every side of the comparison of files can do with a file.
import { open } from 'node:fs/promises'

/** Turns one file into another, which is not there yet. */
export type TransformFile = (source: string, target: string) => Promise<void>

export interface FileWork {
  encrypt: TransformFile
  /** What this side's `encrypt` made last. */
  decrypt: TransformFile
}

/** Makes keys, and whatever files it needs in `folder`; throws where the other side does not run. */
export type PrepareFileWork = (folder: string) => Promise<FileWork> | FileWork

/** Bytes that every side reads and writes at a time, where it can be told so. */
export const pieceBytes = 1_048_576

/** The same work, done only when the target is on disk, as ours is. */
export function flushed({ encrypt, decrypt }: FileWork): FileWork {
  const flush =
    (transform: TransformFile): TransformFile =>
    async (source, target) => {
      await transform(source, target)
      const handle = await open(target, 'r+')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  return { encrypt: flush(encrypt), decrypt: flush(decrypt) }
}
