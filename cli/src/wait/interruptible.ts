// Work that Ctrl+C ends, in a way that the work itself can prepare for.
import type { CliError } from '../errors/cli-error.ts'
import type { Shell, SignalName } from '../shell.ts'

/**
 * Gives `work` an abort signal, which one of the `names` sets off with `error`.
 *
 * @throws `error` after such a signal, or what `work` throws
 */
export async function interruptible<Result>(
  { signals }: Shell,
  { names, error }: { names: readonly SignalName[]; error: CliError },
  work: (stop: AbortController) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController()
  const onSignal = (): void => {
    stop.abort(error)
  }
  for (const name of names) signals.once(name, onSignal)
  try {
    return await work(stop)
  } catch (thrown) {
    stop.signal.throwIfAborted()
    throw thrown
  } finally {
    for (const name of names) signals.off(name, onSignal)
  }
}
