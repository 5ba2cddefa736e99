// The SDK repeats throttled requests after pauses of up to a second each. If the time for all attempts ends first, its
// error says only that it was aborted. But throttling is another cause than silence, and the budget and the bill need the
// number of requests.
import type { KMSClient } from '@aws-sdk/client-kms'
import { isThrottlingName } from './errors/aws-kms-errors.ts'

interface Attempts {
  count: number
  /** The answer to the last throttled attempt. */
  throttled: Error | undefined
}

/**
 * Gives the errors of aborted commands of `client` the number of their attempts (`$metadata.attempts`). A command of which
 * an attempt was throttled fails with the error of that attempt.
 */
export function rememberAttempts(client: Pick<KMSClient, 'middlewareStack'>): void {
  const attemptsOf = new WeakMap<object, Attempts>()
  client.middlewareStack.add(
    (next, context) => async (attempt) => {
      const attempts = attemptsOf.get(context) ?? { count: 0, throttled: undefined }
      attemptsOf.set(context, attempts)
      attempts.count += 1
      try {
        return await next(attempt)
      } catch (error) {
        if (error instanceof Error && isThrottlingName(error.name)) attempts.throttled = error
        throw error
      }
    },
    // Inside the SDK's repetitions, and outside of the step that turns replies into errors.
    { name: 'keyholdNoteAttempts', step: 'deserialize', priority: 'high' },
  )
  client.middlewareStack.add(
    (next, context) => async (command) => {
      try {
        return await next(command)
      } catch (error) {
        const attempts = attemptsOf.get(context)
        if (!(error instanceof Error) || error.name !== 'AbortError' || attempts === undefined) throw error
        throw Object.assign(attempts.throttled ?? error, { $metadata: { attempts: attempts.count } })
      }
    },
    { name: 'keyholdTellAttempts', step: 'initialize', priority: 'high' },
  )
}
