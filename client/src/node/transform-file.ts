// The loop that encrypts and decrypts files: while one block is worked on, the next one is read and the previous one is
// written. It takes the memory of four blocks, whatever the size of the file.
import type { FileHandle } from 'node:fs/promises'
import { readBlock } from './file-source.ts'
import type { FileTarget } from './file-target.ts'

export interface BlockTransform {
  inputBytes: number
  outputBytes: number
  /** Writes the result of a block to the start of `output`, and answers its length. Only the last block is shorter. */
  transform: (input: Uint8Array, output: Buffer, isLast: boolean) => Promise<number>
  signal: AbortSignal | undefined
  onProgress: ((bytes: number) => void) | undefined
}

/** Answers the number of bytes that were read. */
export async function transformFile(
  source: FileHandle,
  target: FileTarget,
  { inputBytes, outputBytes, transform, signal, onProgress }: BlockTransform,
): Promise<number> {
  const inputs = [Buffer.allocUnsafeSlow(inputBytes), Buffer.allocUnsafeSlow(inputBytes)] as const
  const outputs = [Buffer.allocUnsafeSlow(outputBytes), Buffer.allocUnsafeSlow(outputBytes)] as const
  const read = (index: 0 | 1): Promise<number> => handled(readBlock(source, inputs[index], signal))
  let reading = read(0)
  let writing = Promise.resolve()
  let total = 0
  try {
    for (let index: 0 | 1 = 0; ; index = index === 0 ? 1 : 0) {
      const length = await reading
      const isLast = length < inputBytes
      if (!isLast) reading = read(index === 0 ? 1 : 0)
      const written = await transform(inputs[index].subarray(0, length), outputs[index], isLast)
      await writing
      signal?.throwIfAborted()
      writing = handled(target.write(outputs[index].subarray(0, written)))
      total += length
      onProgress?.(total)
      if (isLast) break
    }
    await writing
    return total
  } finally {
    // After this nothing writes to the file.
    await writing.catch(() => undefined)
  }
}

// The promise is awaited later, or never if something else fails first. Node must not count that as unhandled.
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined)
  return promise
}
