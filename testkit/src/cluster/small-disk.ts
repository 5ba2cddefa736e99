// A disk that can be full: a file system in memory whose size is reduced to the space in use, and raised again. Only root
// on Linux may mount one.
import { execFile } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface SmallDisk {
  /** Leaves no room for another block. */
  fill(): Promise<void>
  /** Gives the room back. */
  free(): Promise<void>
  unmount(): Promise<void>
}

const sizeBytes = 4 * 2 ** 30
const run = promisify(execFile)

/** Makes a folder and mounts a small disk there; undefined where that is not allowed. */
export async function mountSmallDisk(folder: string): Promise<SmallDisk | undefined> {
  await mkdir(folder, { recursive: true })
  const resize = (bytes: number) => run('mount', ['-o', `remount,size=${bytes}`, folder])
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=0755`, 'keyhold-faults', folder])
  } catch {
    return undefined
  }
  return {
    async fill() {
      // A write between the look and the change makes the change fail; then the disk is not full yet.
      for (let attempt = 0; attempt < 10; attempt++) {
        const { blocks, bfree, bsize } = await statfs(folder)
        const isFull = await resize((blocks - bfree) * bsize).then(
          () => true,
          () => false,
        )
        if (isFull) return
      }
    },
    async free() {
      await resize(sizeBytes)
    },
    async unmount() {
      await run('umount', ['--lazy', folder])
    },
  }
}
