// encrypt and decrypt of files, pipes and streams of any size, here, under leased data keys.
import type { LocalEncryption } from '@keyhold/client/node'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { CliError } from '../errors/cli-error.ts'
import { say } from '../output/say.ts'
import { checkOutput, openOutput } from './output.ts'
import type { NamedFiles } from './file-problem.ts'
import { openProgressBar, type ProgressBar } from './progress-bar.ts'
import type { ByteRange } from './options.ts'
import { writeRange } from './write-range.ts'

export interface ContentTask extends NamedFiles {
  direction: 'encrypt' | 'decrypt'
  context: Record<string, string>
  force: boolean
  quiet: boolean
  range: ByteRange | undefined
}

/** Encrypts or decrypts as the task says; a file that it makes is whole and on disk when this ends. */
export async function transformContent(
  openLocal: () => Promise<LocalEncryption>,
  task: ContentTask,
  signal: AbortSignal,
): Promise<void> {
  const { input, output, direction, force } = task
  await checkOutput(output, force)
  const found = input === undefined ? undefined : await stat(input)
  const size = found?.isFile() === true ? found.size : undefined
  if (task.range !== undefined && size === undefined)
    throw new CliError('usage', 'ERR_CLI_FILE', `${input ?? ''} is not a file: it has no middle`)
  const local = await openLocal()
  const bar = progressOf(task, size)
  const options = { context: task.context, signal }
  try {
    // A file is known to be whole before its first byte is written.
    const isSeekable = direction === 'decrypt' && size !== undefined
    if (input !== undefined && (task.range !== undefined || (isSeekable && output === undefined))) {
      const range = task.range ?? { first: 0, last: undefined }
      await writeRange(local, { input, output, force, range, bar, ...options })
    } else if (input !== undefined && output !== undefined) {
      const onProgress = (bytes: number): void => {
        bar.show(bytes)
      }
      await local[`${direction}File`](input, output, { ...options, overwrite: force, onProgress })
    } else await pipe(local, task, bar, signal)
  } finally {
    bar.close()
  }
}

async function pipe(
  local: LocalEncryption,
  { input, output, direction, context, force }: ContentTask,
  bar: ProgressBar,
  signal: AbortSignal,
): Promise<void> {
  if (input === undefined && process.stdin.isTTY) say('reading standard input up to Ctrl+D')
  const source: Readable = input === undefined ? process.stdin : createReadStream(input)
  const target = await openOutput(output, force, direction === 'encrypt' ? 0o666 : 0o600)
  let done = 0
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      done += piece.length
      bar.show(done)
      controller.enqueue(piece)
    },
  })
  try {
    await (Readable.toWeb(source) as ReadableStream<Uint8Array>)
      .pipeThrough(counting)
      .pipeThrough(local[`${direction}Stream`]({ context, signal }))
      .pipeTo(new WritableStream({ write: (piece) => target.write(piece) }), { signal })
    await target.complete()
  } catch (error) {
    bar.close()
    await target.discard()
    throw error
  } finally {
    source.destroy()
  }
}

function progressOf({ direction, input, quiet }: ContentTask, totalBytes: number | undefined): ProgressBar {
  if (quiet) return { show: () => undefined, close: () => undefined }
  const name = input === undefined ? 'standard input' : basename(input)
  return openProgressBar({ title: `${direction}ing ${name}`, totalBytes })
}
