// A web stream that decrypts a file's bytes. Each chunk comes out after it is verified. A stream that was cut fails
// only at its end: a reader that acts earlier acts on a part.
import { createFileOpener, fileFormat, parseFileHeader, type FileOpener } from '@keyhold/core'
import { readOptions } from '../../checks/read-members.ts'
import type { DataKeyLeases } from '../data-key-leases.ts'
import type { ByteStream } from './encrypt-stream.ts'
import { streamReaders } from './file-options.ts'
import { BlockGatherer } from './gather-blocks.ts'
import type { Lease } from '../lease-cache.ts'
import type { LeasedKey } from '../read-lease.ts'
import { readPiece } from './read-piece.ts'

export function decryptStream(leases: DataKeyLeases, options: unknown): ByteStream {
  const { context = {}, signal } = readOptions(options, streamReaders)
  const head = Buffer.alloc(fileFormat.headBytes)
  let headLength = 0
  const gathered = new BlockGatherer(fileFormat.sealedChunkBytes)
  let started: { lease: Lease<LeasedKey>; opener: FileOpener } | undefined
  let next = 0

  /** Takes the file's head from the front of a piece, and answers the rest of the piece. */
  function takeHead(piece: Uint8Array): Uint8Array {
    const part = piece.subarray(0, head.length - headLength)
    head.set(part, headLength)
    headLength += part.length
    return piece.subarray(part.length)
  }

  async function start(): Promise<{ lease: Lease<LeasedKey>; opener: FileOpener }> {
    const bytes = head.subarray(0, headLength)
    parseFileHeader(bytes)
    const lease = await leases.forHeader(bytes.subarray(0, fileFormat.headerBytes), signal)
    return { lease, opener: createFileOpener(lease.key.dataKey, context, bytes) }
  }

  async function open(
    controller: TransformStreamDefaultController<Uint8Array>,
    block: Uint8Array,
    isLast: boolean,
  ): Promise<void> {
    if (started === undefined) started = await start()
    else started.lease = await leases.prolong(started.lease, signal)
    const chunks = Math.ceil(block.length / fileFormat.sealedChunkBytes)
    const output = Buffer.allocUnsafeSlow(chunks * fileFormat.chunkBytes)
    const length = started.opener.openBlock(next, block, output, isLast)
    next += chunks
    if (length > 0) controller.enqueue(output.subarray(0, length))
  }

  return new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
    async transform(piece, controller) {
      signal?.throwIfAborted()
      const bytes = readPiece(piece)
      const rest = headLength < head.length ? takeHead(bytes) : bytes
      await gathered.add(rest, (block) => open(controller, block, false))
    },
    flush: (controller) => open(controller, gathered.rest, true),
  })
}
