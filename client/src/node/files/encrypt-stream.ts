// A web stream that encrypts its input to the bytes of an encrypted file. It is no faster than its reader, and holds
// one chunk.
import { createFileSealer, fileFormat, type FileSealer } from '@keyhold/core'
import { readOptions } from '../../checks/read-members.ts'
import type { DataKeyLeases } from '../data-key-leases.ts'
import { streamReaders } from './file-options.ts'
import { BlockGatherer } from './gather-blocks.ts'
import type { Lease } from '../lease-cache.ts'
import type { LeasedKey } from '../read-lease.ts'
import { readPiece } from './read-piece.ts'

export type ByteStream = TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>

export function encryptStream(leases: DataKeyLeases, options: unknown): ByteStream {
  const { context = {}, signal } = readOptions(options, streamReaders)
  const gathered = new BlockGatherer(fileFormat.chunkBytes)
  let started: { lease: Lease<LeasedKey>; sealer: FileSealer } | undefined

  async function seal(
    controller: TransformStreamDefaultController<Uint8Array>,
    block: Uint8Array,
    isLast: boolean,
  ): Promise<void> {
    if (started === undefined) {
      const lease = await leases.forEncryption(signal)
      started = { lease, sealer: createFileSealer(lease.key.dataKey, context) }
      controller.enqueue(Uint8Array.from(started.sealer.head))
    } else started.lease = await leases.prolong(started.lease, signal)
    const chunks = Math.floor(block.length / fileFormat.chunkBytes) + 1
    const output = Buffer.allocUnsafeSlow(chunks * fileFormat.sealedChunkBytes)
    const length = started.sealer.sealBlock(block, output, isLast)
    controller.enqueue(output.subarray(0, length))
  }

  return new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
    async transform(piece, controller) {
      signal?.throwIfAborted()
      await gathered.add(readPiece(piece), (block) => seal(controller, block, false))
    },
    flush: (controller) => seal(controller, gathered.rest, true),
  })
}
