// Tries again what may succeed later. The server decides how long to wait when it says so.
import { setTimeout as sleep } from 'node:timers/promises'
import { isWorthRetrying } from '../errors/exit-code-of.ts'
import { say } from '../output/say.ts'

interface Retries {
  /** How often to try again after the first time. */
  times: number
  /** Milliseconds between two tries, unless the server asks for more. */
  intervalMs: number
}

export async function withRetries<Result>(
  call: () => Promise<Result>,
  { times, intervalMs }: Retries,
): Promise<Result> {
  for (let retry = 1; ; retry++) {
    try {
      return await call()
    } catch (error) {
      if (retry > times || !isWorthRetrying(error)) throw error
      const pauseMs = Math.max(intervalMs, (error.retryAfterSeconds ?? 0) * 1000)
      say(`${error.message} (${error.code}); trying again in ${pauseMs / 1000} s (${retry} of ${times})`)
      await sleep(pauseMs)
    }
  }
}
