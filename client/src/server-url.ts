// Checks the server's URL: a token must not travel in the clear, nor to a place that the URL hides.
import { KeyholdClientError, type MemberErrorCode } from './keyhold-client-error.ts'

const loopback = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * The server's base URL without a trailing slash.
 *
 * @throws KeyholdClientError `ERR_CLIENT_URL_INVALID`, or `ERR_CLIENT_URL_INSECURE` for plain http to another machine
 * unless `insecure`.
 */
export function parseServerUrl(text: string, insecure: boolean): string {
  // The text stays out of the messages: it may hold a password.
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw wrongUrl(
      'ERR_CLIENT_URL_INVALID',
      'the server must be given as http://host:port or https://host:port',
    )
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw wrongUrl(
      'ERR_CLIENT_URL_INVALID',
      "the server's URL must have no user name, password, query or fragment",
    )
  if (url.protocol === 'http:' && !insecure && !loopback.test(url.hostname))
    throw wrongUrl(
      'ERR_CLIENT_URL_INSECURE',
      `plain http to ${url.hostname} would show the access token to the network`,
    )
  return (url.origin + url.pathname).replace(/\/+$/, '')
}

function wrongUrl(code: MemberErrorCode, message: string): KeyholdClientError {
  return new KeyholdClientError(code, message, { member: 'options.url' })
}
