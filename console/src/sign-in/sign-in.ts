// Beginning and ending a session. A secret is sent once and kept nowhere.
import { createKeyholdClient } from '@keyhold/client'
import { forgetCsrfToken } from '../server/cookie-fetch.ts'
import { ask } from '../server/client.ts'
import { serverUrl } from '../server/place.ts'
import { queryClient } from '../server/query-client.ts'

/**
 * Begins a session in the browser's cookie.
 *
 * @param secret - an API key, or the secret of a link
 * @throws KeyholdApiError if it is refused
 */
export async function signInWith(secret: string): Promise<void> {
  const caller = createKeyholdClient({ url: serverUrl, token: secret.trim(), insecure: true })
  await caller.call('createSession', { body: { kind: 'browser' } })
  forgetCsrfToken()
  await queryClient.invalidateQueries()
}

export async function signOut(): Promise<void> {
  await ask('endSession')
  forgetCsrfToken()
  // No page may go on showing what it was told: each answer is forgotten, and those on the screen are asked for anew.
  await queryClient.resetQueries()
}
