// A part of an encrypted file's content. Only the chunks that cover it are read and decrypted.
import type { EncryptedFile, LocalEncryption } from '@keyhold/client/node'
import { CliError } from '../errors/cli-error.ts'
import type { Shell } from '../shell.ts'
import type { NamedFile } from './file-problem.ts'
import type { ByteRange } from './inputs.ts'
import { openOutput } from './output.ts'

export interface ContentBar {
  show(doneBytes: number): void
  close(): void
}

export interface RangeTask {
  input: NamedFile
  /** Undefined: standard output. */
  output: NamedFile | undefined
  force: boolean
  range: ByteRange
  context: Record<string, string>
  signal: AbortSignal
  bar: ContentBar
}

// 256 chunks: memory stays small, whatever the range.
const pieceBytes = 4 * 1_048_576

/** @throws CliError `failed` when the range begins behind the end */
export async function writeRange(shell: Shell, local: LocalEncryption, task: RangeTask): Promise<void> {
  const { input, output, force, context, signal, bar } = task
  const file = await local.openEncryptedFile(input.path, { context, signal })
  try {
    const [start, end] = await boundsOf(file, task.range)
    const target = await openOutput(shell, output, force, 0o600)
    try {
      for (let at = start; at < end;) {
        const piece = await file.readRange(at, Math.min(at + pieceBytes, end), { signal })
        if (piece.length === 0) break
        await target.write(piece)
        at += piece.length
        bar.show(at)
      }
      await target.complete()
    } catch (error) {
      bar.close()
      await target.discard()
      throw error
    }
  } finally {
    await file.close()
  }
}

/** Where the range begins and ends. The size of the content is verified first: a file that was cut has no end. */
async function boundsOf(file: EncryptedFile, range: ByteRange): Promise<[start: number, end: number]> {
  const size = await file.size()
  if ('lengthFromEnd' in range) return [Math.max(0, size - range.lengthFromEnd), size]
  const { first, last } = range
  // All of an empty content may be asked for, a part of it may not.
  if (first >= size && !(first === 0 && last === undefined)) {
    throw new CliError('failed', 'ERR_CLI_RANGE', `the content has only ${size} bytes`)
  }
  return [first, last === undefined ? size : Math.min(last + 1, size)]
}
