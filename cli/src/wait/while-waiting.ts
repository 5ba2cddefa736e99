// Waiting for a migration: it can be interrupted, and can take too long; the migration goes on either way.
import { CliError } from '../errors/cli-error.ts'
import { openProgress, type Progress } from '../output/open-progress.ts'

export interface WaitingOptions {
  /** The migration's id. */
  id: string
  timeoutSeconds: number | undefined
  /** How to look again later. */
  hint: string
  isQuiet: boolean
}

/** @throws CliError `interrupted` on SIGINT, `failed` after `timeoutSeconds`; what `work` throws otherwise */
export async function whileWaiting<Result>(
  { id, timeoutSeconds, hint, isQuiet }: WaitingOptions,
  work: (signal: AbortSignal, progress: Progress) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController()
  const stopWith = (outcome: 'interrupted' | 'failed', code: string, why: string) => () => {
    stop.abort(new CliError(outcome, code, `${why}; migration ${id} goes on`, { hint }))
  }
  const onInterrupt = stopWith('interrupted', 'ERR_CLI_INTERRUPTED', 'stopped waiting')
  process.once('SIGINT', onInterrupt)
  const timer =
    timeoutSeconds === undefined
      ? undefined
      : setTimeout(
          stopWith('failed', 'ERR_CLI_TIMEOUT', `not completed within ${timeoutSeconds} s`),
          timeoutSeconds * 1000,
        )
  const progress = isQuiet ? silent : openProgress()
  try {
    return await work(stop.signal, progress)
  } catch (error) {
    stop.signal.throwIfAborted()
    throw error
  } finally {
    progress.close()
    clearTimeout(timer)
    process.off('SIGINT', onInterrupt)
  }
}

const silent: Progress = { show: () => undefined, note: () => undefined, close: () => undefined }
