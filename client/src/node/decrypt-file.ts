// From an encrypted file to its content. Each chunk is verified before it is written, and the whole before it has its
// name.
import { checkEncryptionContext, createFileOpener, fileFormat, parseFileHeader } from '@keyhold/core'
import type { DataKeyLeases } from './data-key-leases.ts'
import type { FileOptions } from './encrypt-file.ts'
import { closeSource, openSource, readBlock } from './file-source.ts'
import { openTarget } from './file-target.ts'
import { transformFile } from './transform-file.ts'

const chunksInBlock = 64

export async function decryptFile(
  leases: DataKeyLeases,
  source: string | URL,
  target: string | URL,
  { context, signal, overwrite = false, onProgress }: FileOptions = {},
): Promise<void> {
  const pairs = checkEncryptionContext(context)
  const from = await openSource(source, signal)
  try {
    const room = Buffer.alloc(fileFormat.headBytes)
    const head = room.subarray(0, await readBlock(from, room, signal))
    parseFileHeader(head)
    let lease = await leases.forHeader(head.subarray(0, fileFormat.headerBytes), signal)
    const opener = createFileOpener(lease.key.dataKey, pairs, head)
    // Nobody else's to read until its owner says so.
    const to = await openTarget(target, { overwrite, mode: 0o600 })
    try {
      let next = 0
      await transformFile(from, to, {
        inputBytes: chunksInBlock * fileFormat.sealedChunkBytes,
        outputBytes: chunksInBlock * fileFormat.chunkBytes,
        async transform(input, output, isLast) {
          lease = await leases.prolong(lease, signal)
          const first = next
          next += chunksInBlock
          return opener.openBlock(first, input, output, isLast)
        },
        signal,
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
