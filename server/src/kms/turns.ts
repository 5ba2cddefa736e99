// So much at a time and no more: the others wait for their turn, first come, first served.

/** Runs an action when it is its turn; throws the reason of `signal` when that is aborted while it waits. */
export type Turns = <Result>(action: () => Promise<Result>, signal: AbortSignal) => Promise<Result>

export function createTurns(maxAtOnce: number): Turns {
  let running = 0
  const waiting = new Set<() => void>()

  function turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        waiting.delete(begin)
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = () => {
        waiting.delete(begin)
        // The reason is the caller's to choose.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal.reason)
      }
      waiting.add(begin)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  return async (action, signal) => {
    signal.throwIfAborted()
    if (running < maxAtOnce) running += 1
    else await turn(signal)
    try {
      return await action()
    } finally {
      // Handed on, so that nobody who comes now is first.
      const [next] = waiting
      if (next === undefined) running -= 1
      else next()
    }
  }
}
