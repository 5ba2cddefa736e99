// Keeps one customer's dead or hanging key from slowing others: few calls run at a time for each key, and after outages
// none at all for a moment. It never turns a denial into an outage, nor the reverse: in place of a call it answers with the
// outage that the last call met, and a denial ends all outages.
import { isErrorOfKind, isKeyholdError, KeyholdError } from '@keyhold/core'

const maxAtOnce = 4
// At most this many calls wait at once: a key that hangs must not gather requests.
const maxWaiting = 2_000
// One outage may be a mishap. After two in a row the key is left alone, longer each time.
const toleratedOutages = 1

interface KeyCalls {
  running: number
  waiting: { begin: () => void; fail: (error: KeyholdError) => void }[]
  outagesInARow: number
  lastOutageMs: number
  /** Until then calls are answered with `lastOutage`. */
  pausedUntilMs: number
  lastOutage: KeyholdError | undefined
}

export interface KeyBreaker {
  /** Calls when it is the call's turn. Throws the call's error, or the outage that the last call of the key met. */
  call<Result>(keyArn: string, send: () => Promise<Result>): Promise<Result>
  /** The number of calls that run now, of all keys or of one. */
  running(keyArn?: string): number
}

/**
 * @param clock - monotonic milliseconds
 * @param pauseMs - how long a key is left alone at first, and at most
 */
export function createKeyBreaker(clock: () => number, pauseMs: { first: number; max: number }): KeyBreaker {
  const keys = new Map<string, KeyCalls>()

  function callsOf(keyArn: string): KeyCalls {
    let calls = keys.get(keyArn)
    if (calls === undefined) {
      calls = {
        running: 0,
        waiting: [],
        outagesInARow: 0,
        lastOutageMs: 0,
        pausedUntilMs: 0,
        lastOutage: undefined,
      }
      keys.set(keyArn, calls)
    }
    return calls
  }

  function refuseWhilePaused(calls: KeyCalls): void {
    if (calls.lastOutage === undefined) return
    if (clock() < calls.pausedUntilMs) throw again(calls.lastOutage)
    // The pause is over: one call tries again, and all others meanwhile get the same answer as before.
    if (calls.outagesInARow > toleratedOutages && calls.running > 0) throw again(calls.lastOutage)
  }

  async function turn(calls: KeyCalls): Promise<void> {
    refuseWhilePaused(calls)
    if (calls.running < maxAtOnce) {
      calls.running += 1
      return
    }
    if (calls.waiting.length >= maxWaiting)
      throw again(calls.lastOutage ?? new KeyholdError('ERR_KMS_TIMEOUT'))
    await new Promise<void>((begin, fail) => calls.waiting.push({ begin, fail }))
  }

  function outage(calls: KeyCalls, startMs: number, error: KeyholdError): void {
    calls.lastOutage = error
    // Calls that ran side by side met one outage, not several.
    if (calls.outagesInARow > 0 && startMs < calls.lastOutageMs) return
    calls.outagesInARow += 1
    calls.lastOutageMs = clock()
    const steps = calls.outagesInARow - toleratedOutages - 1
    if (steps < 0) return
    calls.pausedUntilMs = clock() + Math.min(pauseMs.max, pauseMs.first * 2 ** Math.min(steps, 8))
    for (const { fail } of calls.waiting.splice(0)) fail(again(error))
  }

  function answered(calls: KeyCalls): void {
    calls.outagesInARow = 0
    calls.pausedUntilMs = 0
    calls.lastOutage = undefined
  }

  function leave(keyArn: string, calls: KeyCalls): void {
    const next = calls.waiting.shift()
    // The turn goes to the next waiting call, before any call that comes now.
    if (next !== undefined) next.begin()
    else {
      calls.running -= 1
      // Healthy keys keep no entry.
      if (calls.running === 0 && calls.outagesInARow === 0) keys.delete(keyArn)
    }
  }

  return {
    async call(keyArn, send) {
      const calls = callsOf(keyArn)
      await turn(calls)
      const startMs = clock()
      try {
        const result = await send()
        answered(calls)
        return result
      } catch (error) {
        if (isErrorOfKind(error, 'outage')) outage(calls, startMs, error)
        // An exception among the errors of Keyhold's own: without budget nothing was sent, so the outage may go on. After
        // all other errors AWS KMS has answered.
        else if (!isKeyholdError(error, 'ERR_KMS_BUDGET')) answered(calls)
        throw error
      } finally {
        leave(keyArn, calls)
      }
    },
    running: (keyArn) =>
      keyArn === undefined
        ? [...keys.values()].reduce((sum, { running }) => sum + running, 0)
        : (keys.get(keyArn)?.running ?? 0),
  }
}

// Every caller gets an error of its own, since callers add causes to errors.
function again({ code, message, details, standIns }: KeyholdError): KeyholdError {
  return new KeyholdError(code, { message, details, standIns })
}
