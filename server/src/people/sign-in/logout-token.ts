// Tokens with which an identity provider tells that it has signed somebody out (OpenID Connect Back-Channel Logout 1.0).
import { LRUCache } from 'lru-cache'
import type { SignInProvider } from '../../issuers/file/issuers-form.ts'
import type { IssuerKey } from '../../issuers/keys/parse-jwks.ts'
import { readJwt } from '../../issuers/tokens/read-jwt.ts'
import { RefusedToken } from '../../issuers/tokens/refused-token.ts'
import { verifySignature } from '../../issuers/tokens/verify-signature.ts'

export interface SignedOut {
  subject: string | undefined
  providerSession: string | undefined
  /** Sessions that began later are not meant, however often the token is sent. */
  begunBefore: Date
  /** Nobody was signed out: the provider may send the token again. */
  wasInVain: () => void
}

export type FindKey = (keyId: string) => IssuerKey | undefined | Promise<IssuerKey | undefined>

/** @throws RefusedToken, KeyholdError `ERR_ISSUER_UNREACHABLE` */
export type ReadLogoutToken = (
  provider: SignInProvider,
  token: string,
  findKey: FindKey,
) => Promise<SignedOut>

const event = 'http://schemas.openid.net/event/backchannel-logout'
const maxAgeSeconds = 120
const aheadSeconds = 60
const msOfSecond = 1_000
const maxRemembered = 10_000

export function createReadLogoutToken(now: () => Date): ReadLogoutToken {
  const seen = new LRUCache<string, true>({ max: maxRemembered })
  return async (provider, token, findKey) => {
    const { header, claims } = readJwt(token)
    const nowSeconds = now().getTime() / msOfSecond
    const { iat, jti, sub, sid, exp } = claims
    refuseUnless(header.alg === provider.algorithm, 'algorithm', 'It has another algorithm.')
    refuseUnless(
      header.typ === undefined || header.typ === 'logout+jwt' || header.typ === 'JWT',
      'type',
      'It is no logout token.',
    )
    refuseUnless(typeof header.kid === 'string', 'unknown-key', 'It names no key.')
    refuseUnless(claims.iss === provider.issuer, 'issuer', 'It is of another issuer.')
    refuseUnless([claims.aud].flat().includes(provider.clientId), 'audience', 'It is for somebody else.')
    refuseUnless(
      Number.isSafeInteger(iat) &&
        (iat as number) <= nowSeconds + aheadSeconds &&
        (iat as number) >= nowSeconds - maxAgeSeconds &&
        (exp === undefined || (Number.isSafeInteger(exp) && (exp as number) > nowSeconds - aheadSeconds)),
      'time',
      'It is too old, or of the future.',
    )
    refuseUnless(isEvent(claims.events) && claims.nonce === undefined, 'type', 'It is no logout token.')
    refuseUnless(isText(jti) && (isText(sub) || isText(sid)), 'malformed', 'It names nobody.')
    const found = await findKey(header.kid)
    if (found === undefined) throw new RefusedToken('unknown-key', 'Its kid is no key of the issuer.')
    await verifySignature(token, found.key, provider.algorithm)
    const name = `${provider.issuer} ${jti}`
    refuseUnless(!seen.has(name), 'time', 'It was sent before.')
    seen.set(name, true)
    return {
      subject: isText(sub) ? sub : undefined,
      providerSession: isText(sid) ? sid : undefined,
      // Its clock may be behind ours: a session must not outlive the sign-out for that.
      begunBefore: new Date(((iat as number) + aheadSeconds) * msOfSecond),
      wasInVain: () => void seen.delete(name),
    }
  }
}

function isEvent(events: unknown): boolean {
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, event)) return false
  const told = (events as Record<string, unknown>)[event]
  return typeof told === 'object' && told !== null && !Array.isArray(told)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 255
}

function refuseUnless(isRight: boolean, refusal: RefusedToken['refusal'], message: string): asserts isRight {
  if (!isRight) throw new RefusedToken(refusal, message)
}
