// Ctrl+C in the middle of a file: what was begun is taken back before the command ends.
import { CliError } from '../errors/cli-error.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** @throws CliError `interrupted` after a signal; what `action` throws otherwise */
export async function interruptible<Result>(
  action: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController()
  const onSignal = (): void => {
    stop.abort(new CliError('interrupted', 'ERR_CLI_INTERRUPTED', 'interrupted'))
  }
  for (const name of signals) process.once(name, onSignal)
  try {
    return await action(stop.signal)
  } catch (error) {
    stop.signal.throwIfAborted()
    throw error
  } finally {
    for (const name of signals) process.off(name, onSignal)
  }
}
