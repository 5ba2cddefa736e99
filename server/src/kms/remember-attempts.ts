// The SDK repeats throttled requests after pauses of up to a second each. Where the time for all attempts ends before
// that, it says only that it was told to stop. But that AWS KMS throttles is another cause than that it does not answer,
// and the budget and the bill ask how many requests were sent.
import type { KMSClient } from '@aws-sdk/client-kms'
import { isThrottlingName } from './aws-kms-errors.ts'

interface Attempts {
  count: number
  /** What the last throttled attempt was answered. */
  throttled: Error | undefined
}

/**
 * Makes commands of `client` that are stopped tell the number of their attempts (`$metadata.attempts`), and fail with
 * the error of the throttled one, if one was.
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
    // Within the repetitions, and outside of what makes an error of a reply.
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
