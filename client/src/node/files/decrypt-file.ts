// Decrypts a file. Each chunk is verified before it is written, and the whole file before it gets its name.
import { createFileOpener, fileFormat, parseFileHeader } from '@keyhold/core'
import { readOptions } from '../../checks/read-members.ts'
import type { DataKeyLeases } from '../data-key-leases.ts'
import { fileReaders } from './file-options.ts'
import { closeSource, openSource, readBlock } from './file-source.ts'
import { openTarget } from './file-target.ts'
import { readFilePath } from './read-file-path.ts'
import { transformFile } from './transform-file.ts'

const chunksInBlock = 64

export async function decryptFile(
  leases: DataKeyLeases,
  source: unknown,
  target: unknown,
  options: unknown,
): Promise<void> {
  const { context = {}, signal, overwrite = false, onProgress } = readOptions(options, fileReaders)
  const sourcePath = readFilePath(source, 'source')
  const targetPath = readFilePath(target, 'target')
  const from = await openSource(sourcePath, signal)
  try {
    const room = Buffer.alloc(fileFormat.headBytes)
    const head = room.subarray(0, await readBlock(from, room, signal))
    parseFileHeader(head)
    let lease = await leases.forHeader(head.subarray(0, fileFormat.headerBytes), signal)
    const opener = createFileOpener(lease.key.dataKey, context, head)
    // Only the owner may read it, until the owner decides otherwise.
    const to = await openTarget(targetPath, { overwrite, mode: 0o600 })
    try {
      await transformFile(from, to, {
        ...{ action: 'open', blockKey: opener.blockKey, chunksInBlock, signal },
        inputBytes: chunksInBlock * fileFormat.sealedChunkBytes,
        outputBytes: chunksInBlock * fileFormat.chunkBytes,
        async mayGoOn() {
          lease = await leases.prolong(lease, signal)
        },
        onProgress: (bytes) => {
          onProgress?.(fileFormat.headBytes + bytes)
        },
      })
      await to.complete()
    } catch (error) {
      await to.discard()
      throw error
    }
  } finally {
    closeSource(from)
  }
}
