// The SDK as tests and experiments use it to set up their tenants.
import { createKeyholdClient, type KeyholdClient } from '@keyhold/client'

// No test is about how long a set-up takes, and a busy machine answers late.
const timeoutMs = 120_000

/** @param options - `maxRetries`: 0 where every refusal counts */
export function openClient(url: string, token: string, options: { maxRetries?: number } = {}): KeyholdClient {
  return createKeyholdClient({ url, token, timeoutMs, ...options })
}
