// The tokens with which Keyhold signs in at a customer's cloud. They are made here alone, for a call of a KMS adapter: no route and no
// command answers one.
import { randomUUID, sign } from 'node:crypto'
import type { IssuerKey } from './issuer-key.ts'

/** How long a token is valid after it was made, in seconds. */
export const tokenSeconds = 300
// Whoever checks it may have a clock that is behind.
const earlierSeconds = 30

export interface TokenFacts {
  /** `KEYHOLD_ISSUER_URL`. */
  issuer: string
  tenantId: string
  /** Whom it is for: nobody else may accept it. */
  audience: string
  now: Date
}

export interface IdentityToken {
  /** A compact JWS (RFC 7515) with RS256. */
  token: string
  /** Its `jti`, a UUID: the log and the cloud's trail name it. */
  id: string
}

/** The `sub` of a tenant's tokens. Trust policies name it. */
export function subjectOf(tenantId: string): string {
  return `keyhold:tenant:${tenantId}`
}

// No "azp", from which AWS would take the audience. No tags, which would make every role refuse that lacks sts:TagSession.
export function makeIdentityToken(
  { id: kid, privateKey }: IssuerKey,
  { issuer, tenantId, audience, now }: TokenFacts,
): IdentityToken {
  const iat = Math.floor(now.getTime() / 1_000)
  const id = randomUUID()
  const payload = {
    ...{ iss: issuer, sub: subjectOf(tenantId), aud: audience },
    ...{ iat, nbf: iat - earlierSeconds, exp: iat + tokenSeconds, jti: id },
  }
  const input = [{ alg: 'RS256', kid, typ: 'JWT' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = sign('sha256', Buffer.from(input, 'ascii'), privateKey)
  return { token: `${input}.${signature.toString('base64url')}`, id }
}
