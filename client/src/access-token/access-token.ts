// The access token of each request: a text, or a function that is asked again for each, since a JWT does not live long.
import { wrongMember } from '../checks/wrong-member.ts'

/** An access token, or a function that answers the one to send now. It is called for each request that is sent. */
export type AccessToken = string | (() => string | Promise<string>)

const code = 'ERR_CLIENT_OPTION_INVALID'
const tokenForm = /^[\x21-\x7e]+$/

/** @throws KeyholdClientError `ERR_CLIENT_OPTION_INVALID`; fetch's own error would quote the token */
export function readAccessToken(value: unknown, member: string): AccessToken {
  if (typeof value === 'function') return value as () => string | Promise<string>
  return readTokenText(value, member, 'visible ASCII characters, or a function')
}

/**
 * @param signal - ends the wait for a function that does not answer
 * @throws KeyholdClientError `ERR_CLIENT_OPTION_INVALID` for a function that answers no token; the reason of `signal`
 */
export async function takeToken(token: AccessToken, signal: AbortSignal): Promise<string> {
  if (typeof token === 'string') return token
  const expected = 'a function that answers an access token'
  const given = await unlessAborted(async () => token(), signal).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw wrongMember(code, 'options.token', expected, cause)
  })
  return readTokenText(given, 'options.token', expected)
}

function readTokenText(value: unknown, member: string, expected: string): string {
  if (typeof value === 'string' && tokenForm.test(value)) return value
  throw wrongMember(code, member, expected)
}

function unlessAborted(work: () => Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => {
        signal.removeEventListener('abort', stop)
      })
  })
}
