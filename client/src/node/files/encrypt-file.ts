// Encrypts a file under a leased data key.
import { createFileSealer, fileFormat } from '@keyhold/core'
import { readOptions } from '../../checks/read-members.ts'
import type { DataKeyLeases } from '../data-key-leases.ts'
import { fileReaders } from './file-options.ts'
import { closeSource, openSource } from './file-source.ts'
import { openTarget } from './file-target.ts'
import { readFilePath } from './read-file-path.ts'
import { transformFile } from './transform-file.ts'

const chunksInBlock = 64

export async function encryptFile(
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
    let lease = await leases.forEncryption(signal)
    const sealer = createFileSealer(lease.key.dataKey, context)
    const to = await openTarget(targetPath, { overwrite, mode: 0o666 })
    try {
      await to.write(sealer.head)
      await transformFile(from, to, {
        ...{ action: 'seal', blockKey: sealer.blockKey, chunksInBlock, signal },
        inputBytes: chunksInBlock * fileFormat.chunkBytes,
        outputBytes: (chunksInBlock + 1) * fileFormat.sealedChunkBytes,
        async mayGoOn() {
          lease = await leases.prolong(lease, signal)
        },
        onProgress,
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
