// A sign-in that has begun, as the browser brings it back in a cookie: nothing of it is stored here. It is signed, so that a browser
// brings back what was begun in it and nothing else.
import { timingSafeEqual } from 'node:crypto'

export interface BegunSignIn {
  /** Of the provider. */
  provider: string
  state: string
  nonce: string
  /** RFC 7636 */
  verifier: string
  returnTo: string
  maxAgeSeconds: number
}

/** Answers bytes that nobody without the root key can make. */
export type LoginTag = (text: string) => Uint8Array

export const loginCookieSeconds = 600
const msOfSecond = 1_000

export function encodeLoginCookie(begun: BegunSignIn, nowMs: number, tagOf: LoginTag): string {
  const untilMs = nowMs + loginCookieSeconds * msOfSecond
  const text = Buffer.from(JSON.stringify({ ...begun, untilMs })).toString('base64url')
  return `${text}.${Buffer.from(tagOf(text)).toString('base64url')}`
}

/** Undefined: it is none of ours, or too old. */
export function decodeLoginCookie(cookie: string, nowMs: number, tagOf: LoginTag): BegunSignIn | undefined {
  const [text = '', tag = ''] = cookie.split('.')
  const [given, expected] = [Buffer.from(tag, 'base64url'), Buffer.from(tagOf(text))]
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const begun = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as BegunSignIn & {
    untilMs: number
  }
  return nowMs < begun.untilMs ? begun : undefined
}
