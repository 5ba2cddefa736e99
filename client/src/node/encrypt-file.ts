// From a file to an encrypted one, under a leased data key.
import { checkEncryptionContext, createFileSealer, fileFormat } from '@keyhold/core'
import type { Context, SignalOption } from '../value-cipher.ts'
import type { DataKeyLeases } from './data-key-leases.ts'
import { closeSource, openSource } from './file-source.ts'
import { openTarget } from './file-target.ts'
import { transformFile } from './transform-file.ts'

export interface FileOptions extends SignalOption {
  context?: Context
  /** Replaces a target that exists. Default false: it is refused. */
  overwrite?: boolean
  /** Told now and then how many bytes of the source are done. */
  onProgress?: (bytes: number) => void
}

const chunksInBlock = 64

export async function encryptFile(
  leases: DataKeyLeases,
  source: string | URL,
  target: string | URL,
  { context, signal, overwrite = false, onProgress }: FileOptions = {},
): Promise<void> {
  const pairs = checkEncryptionContext(context)
  const from = await openSource(source, signal)
  try {
    let lease = await leases.forEncryption(signal)
    const sealer = createFileSealer(lease.key.dataKey, pairs)
    const to = await openTarget(target, { overwrite, mode: 0o666 })
    try {
      await to.write(sealer.head)
      await transformFile(from, to, {
        inputBytes: chunksInBlock * fileFormat.chunkBytes,
        outputBytes: (chunksInBlock + 1) * fileFormat.sealedChunkBytes,
        async transform(input, output, isLast) {
          lease = await leases.prolong(lease, signal)
          return sealer.sealBlock(input, output, isLast)
        },
        signal,
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
