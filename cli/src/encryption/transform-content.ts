// encrypt and decrypt of files, pipes and streams of any size: on this machine, under leased data keys.
import type { LocalEncryption } from '@keyhold/client/node'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { CliError } from '../errors/cli-error.ts'
import { noProgress, openProgress } from '../output/open-progress.ts'
import { say } from '../output/say.ts'
import type { Shell } from '../shell.ts'
import type { NamedFiles } from './file-problem.ts'
import type { ByteRange } from './inputs.ts'
import { contentProgress } from './content-progress.ts'
import { checkOutput, openOutput } from './output.ts'
import { writeRange, type ContentBar } from './write-range.ts'

export interface ContentTask extends NamedFiles {
  direction: 'encrypt' | 'decrypt'
  context: Record<string, string>
  force: boolean
  quiet: boolean
  range: ByteRange | undefined
}

const barPauseMs = 100

/** Does the task. A file that it makes is whole and on disk when this ends. */
export async function transformContent(
  shell: Shell,
  openLocal: () => Promise<LocalEncryption>,
  task: ContentTask,
  signal: AbortSignal,
): Promise<void> {
  const { input, output, direction, force } = task
  await checkOutput(shell, output, force)
  const found = input === undefined ? undefined : await stat(input.path)
  const size = found?.isFile() === true ? found.size : undefined
  if (task.range !== undefined && size === undefined)
    throw new CliError('usage', 'ERR_CLI_FILE', `${input?.name ?? ''} is not a file: it has no middle`)
  const local = await openLocal()
  const bar = progressOf(shell, task, size)
  const options = { context: task.context, signal }
  try {
    // A file is known not to be cut before its first byte goes to standard output.
    const isSeekable = direction === 'decrypt' && size !== undefined
    if (input !== undefined && (task.range !== undefined || (isSeekable && output === undefined))) {
      const range = task.range ?? { first: 0, last: undefined }
      await writeRange(shell, local, { input, output, force, range, bar, ...options })
    } else if (input !== undefined && output !== undefined) {
      const onProgress = (bytes: number): void => {
        bar.show(bytes)
      }
      await local[`${direction}File`](input.path, output.path, { ...options, overwrite: force, onProgress })
    } else await pipe(shell, local, task, bar, signal)
  } finally {
    bar.close()
  }
}

async function pipe(
  shell: Shell,
  local: LocalEncryption,
  { input, output, direction, context, force }: ContentTask,
  bar: ContentBar,
  signal: AbortSignal,
): Promise<void> {
  if (input === undefined && shell.stdin.isTTY) say(shell, 'reading standard input up to Ctrl+D')
  const source: Readable = input === undefined ? shell.stdin : createReadStream(input.path)
  const target = await openOutput(shell, output, force, direction === 'encrypt' ? 0o666 : 0o600)
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

function progressOf(
  shell: Shell,
  { direction, input, quiet }: ContentTask,
  totalBytes: number | undefined,
): ContentBar {
  const progress = quiet ? noProgress : openProgress(shell, { pauseMs: barPauseMs })
  const name = input === undefined ? 'standard input' : basename(input.path)
  const textAt = contentProgress(`${direction}ing ${name}`, totalBytes)
  return {
    show(doneBytes) {
      progress.show(textAt(doneBytes))
    },
    close() {
      progress.close()
    },
  }
}
