// Sends a request again where that is allowed, after longer and longer pauses of random length, so that many clients do
// not come back at once.
import { pause } from './pause.ts'

export interface Retries {
  /** How often to send again after the first time. */
  maxRetries: number
  /** Milliseconds for all tries together. */
  totalMs: number
  mayRepeat: (error: unknown) => boolean
  signal: AbortSignal | undefined
  /** Milliseconds before try `retry`, counted from 0; `wishMs` is the server's wish. Default: at random, as above. */
  pauseMs?: (retry: number, wishMs: number) => number
  /** Called before each pause. */
  onRetry?: (error: unknown, retry: number, pauseMs: number) => void
}

const firstMs = 100
const longestMs = 5_000

/**
 * Runs `attempt` until it succeeds, fails for good, or has no time left for another try.
 *
 * @throws the error of the last try, or the reason of `signal`
 */
export async function withRetries<Result>(
  attempt: () => Promise<Result>,
  { maxRetries, totalMs, mayRepeat, signal, pauseMs: pauseOf = backoffMs, onRetry }: Retries,
): Promise<Result> {
  const startMs = performance.now()
  for (let retry = 0; ; retry++) {
    try {
      return await attempt()
    } catch (error) {
      if (retry >= maxRetries || signal?.aborted === true || !mayRepeat(error)) throw error
      const pauseMs = pauseOf(retry, serverWishMs(error))
      if (performance.now() - startMs + pauseMs >= totalMs) throw error
      onRetry?.(error, retry, pauseMs)
      await pause(pauseMs, signal)
    }
  }
}

// Full jitter: anywhere between nothing and a bound that doubles, after what the server asks for.
function backoffMs(retry: number, wishMs: number): number {
  return Math.random() * Math.min(longestMs, firstMs * 2 ** retry) + wishMs
}

function serverWishMs(error: unknown): number {
  const wish = error instanceof Error && 'retryAfterSeconds' in error ? error.retryAfterSeconds : undefined
  return typeof wish === 'number' ? wish * 1000 : 0
}
