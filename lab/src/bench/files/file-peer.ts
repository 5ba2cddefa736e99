// The work of every side in the comparison of files.
import { open } from 'node:fs/promises'

/** Turns one file into another, which does not exist yet. */
export type TransformFile = (source: string, target: string) => Promise<void>

export interface FileWork {
  encrypt: TransformFile
  /** Decrypts the file that this side's `encrypt` made last. */
  decrypt: TransformFile
}

/** Makes keys, and the files that it needs in `folder`; throws where the other side does not run. */
export type PrepareFileWork = (folder: string) => Promise<FileWork> | FileWork

/** How many bytes every side reads and writes at a time, where it has such a setting. */
export const pieceBytes = 1_048_576

/** The same work, which ends only when the target is on disk, as ours does. */
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
