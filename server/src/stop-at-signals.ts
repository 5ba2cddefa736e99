// Stops a server when its process is told to end, so that no request is lost. First it says that it is about to stop, and goes
// on serving: whoever sends requests to it, a proxy or Kubernetes, needs some seconds to notice. Then it stops.
import { setTimeout as sleep } from 'node:timers/promises'

/** The parts of a server that a signal uses. */
export interface Stoppable {
  /** How long it goes on serving after `drain`. */
  readonly drainMs: number
  /** From now on it asks to be sent nothing more. */
  drain(): void
  stop(): Promise<void>
}

export interface SignalOptions {
  onSignal: (signal: 'SIGINT' | 'SIGTERM', listener: () => void) => unknown
  exit: (code: number) => void
  /** The end of the stop is not waited for any longer. */
  forcedExitMs: number
  /** A signal that follows this soon is the same one: a terminal sends it to npm, which passes it on. */
  sameSignalMs: number
}

/**
 * Listens for SIGINT and SIGTERM from now on. One that comes during the start is remembered. A second one ends the waiting.
 *
 * @returns the function that receives the server once it has started
 */
export function stopAtSignals({
  onSignal,
  exit,
  forcedExitMs,
  sameSignalMs,
}: SignalOptions): (started: Stoppable) => void {
  let server: Stoppable | undefined
  let firstAtMs: number | undefined
  const hurry = new AbortController()

  async function stop(started: Stoppable): Promise<void> {
    started.drain()
    await sleep(started.drainMs, undefined, { signal: hurry.signal }).catch(() => undefined)
    // A database that does not answer must not keep the process alive.
    setTimeout(exit, forcedExitMs, 1).unref()
    await started.stop().then(
      () => {
        exit(0)
      },
      () => {
        exit(1)
      },
    )
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    onSignal(signal, () => {
      const nowMs = performance.now()
      if (firstAtMs !== undefined) {
        if (nowMs - firstAtMs >= sameSignalMs) hurry.abort()
        return
      }
      firstAtMs = nowMs
      if (server !== undefined) void stop(server)
      // A start that never ends must not keep the process alive either.
      else setTimeout(exit, forcedExitMs, 1).unref()
    })
  }
  return (started) => {
    server = started
    if (firstAtMs === undefined) return
    // It was never ready, so nobody sends anything to it.
    hurry.abort()
    void stop(started)
  }
}
