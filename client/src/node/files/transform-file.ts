// The loop that encrypts and decrypts files: while blocks are worked on, the next one is read and those before are written. It takes the
// memory of a few blocks, whatever the size of the file.
import type { BlockKey } from '@keyhold/core'
import type { FileHandle } from 'node:fs/promises'
import type { BlockWork, WorkedBlock } from './block-messages.ts'
import { enterBlockThreads, leastBytes, noBlockThreads, type BlockThreads } from './block-threads.ts'
import { readBlock } from './file-source.ts'
import type { FileTarget } from './file-target.ts'

export interface BlockTransform {
  action: BlockWork['action']
  blockKey: BlockKey
  inputBytes: number
  outputBytes: number
  chunksInBlock: number
  /** Before each block: throws where the key may not be used any longer. */
  mayGoOn: () => Promise<void>
  signal: AbortSignal | undefined
  onProgress: ((bytes: number) => void) | undefined
}

type Room = Uint8Array<ArrayBuffer>

/** Answers the number of bytes that were read. */
export async function transformFile(
  source: FileHandle,
  target: FileTarget,
  transform: BlockTransform,
): Promise<number> {
  // Of a pipe nobody knows how long it is.
  const { size } = await source.stat()
  const threads = size >= leastBytes ? enterBlockThreads() : noBlockThreads
  try {
    return await transformBlocks(source, target, threads, transform)
  } finally {
    threads.leave()
  }
}

async function transformBlocks(
  source: FileHandle,
  target: FileTarget,
  threads: BlockThreads,
  { inputBytes, outputBytes, chunksInBlock, action, blockKey, mayGoOn, signal, onProgress }: BlockTransform,
): Promise<number> {
  // One is read while the others are worked on, and one is written.
  const inputs = createRooms(inputBytes)
  const outputs = createRooms(outputBytes)
  const read = async (): Promise<{ input: Room; length: number }> => {
    const input = inputs.take()
    return { input, length: await readBlock(source, input, signal) }
  }
  const underWay: { worked: Promise<WorkedBlock>; length: number }[] = []
  let writing = Promise.resolve()
  let total = 0

  /** Waits for the first block that is under way, and begins to write its result. */
  async function writeNext(): Promise<void> {
    const [next] = underWay
    if (next === undefined) return
    const { input, output, written } = await next.worked
    underWay.shift()
    inputs.give(input)
    await writing
    signal?.throwIfAborted()
    writing = handled(writeFrom(output, written))
    total += next.length
    onProgress?.(total)
  }

  async function writeFrom(output: Room, written: number): Promise<void> {
    await target.write(output.subarray(0, written))
    outputs.give(output)
  }

  try {
    let reading = handled(read())
    for (let firstIndex = 0; ; firstIndex += chunksInBlock) {
      const { input, length } = await reading
      const isLast = length < inputBytes
      if (!isLast) reading = handled(read())
      await mayGoOn()
      const output = outputs.take()
      const work = { action, blockKey, firstIndex, isLast, input, length, output }
      underWay.push({ worked: handled(threads.run(work)), length })
      if (isLast) break
      while (underWay.length >= threads.width) await writeNext()
    }
    while (underWay.length > 0) await writeNext()
    await writing
    return total
  } finally {
    // After this nothing works on the file, and nothing writes to it.
    await Promise.allSettled(underWay.map(({ worked }) => worked))
    await writing.catch(() => undefined)
  }
}

/** Memory for blocks, which is used again. */
function createRooms(bytes: number) {
  const free: Room[] = []
  return {
    take: (): Room => free.pop() ?? new Uint8Array(new ArrayBuffer(bytes)),
    give: (room: Room) => void free.push(room),
  }
}

// The promise is awaited later, or never if something else fails first. Node must not count that as unhandled.
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined)
  return promise
}
