// The rules of a JWT beside its signature (RFC 8725), all of which are asked before a key is looked for: a token that is refused here
// costs no signature and reaches no issuer.
import { hash } from 'node:crypto'
import type { Issuer } from '../file/issuers-form.ts'
import { isPlainText } from '../plain-text.ts'
import type { JsonObject, ReadJwt } from './read-jwt.ts'
import { RefusedToken } from './refused-token.ts'

/** By how much the clocks of issuers may differ. */
export const leewaySeconds = 30
const maxFutureSeconds = 60
const maxNumber = 2 ** 40
const maxAudiences = 20
const maxText = 255
const maxTokenId = 128
const idTokenClaims = ['nonce', 'at_hash', 'c_hash', 's_hash']

export interface CheckedToken {
  keyId: string
  algorithm: string
  subject: string
  expiresAtSeconds: number
  /** Its `jti`, which nobody decides by: for the audit trail. */
  tokenId: string | undefined
  /** The SHA-256 of the certificate that its sender must show, in base64url. Undefined: none. */
  boundTo: string | undefined
}

/** @throws RefusedToken */
export function checkToken({ header, claims }: ReadJwt, issuer: Issuer, nowSeconds: number): CheckedToken {
  const { alg, kid } = header
  if (typeof alg !== 'string' || !issuer.algorithms.includes(alg)) {
    throw new RefusedToken('algorithm', 'Its algorithm is none of the issuer.')
  }
  if (header.crit !== undefined || header.b64 !== undefined) {
    throw new RefusedToken('malformed', 'Its header has crit or b64.')
  }
  if (!isPlainText(kid, maxText)) throw new RefusedToken('key-id', 'Its header has no kid.')
  checkType(header.typ, issuer)
  checkAudience(claims.aud, issuer)
  const expiresAtSeconds = checkTimes(claims, issuer, nowSeconds)
  const { sub } = claims
  if (!isPlainText(sub, maxText)) {
    throw new RefusedToken(
      'claims',
      `Its sub is missing, longer than ${maxText} characters, or has controls.`,
    )
  }
  checkParty(claims, issuer)
  return {
    ...{ keyId: kid, algorithm: alg, subject: sub, expiresAtSeconds },
    ...{ tokenId: readTokenId(claims.jti), boundTo: readBinding(claims.cnf) },
  }
}

/** An issuer may write any text. One that does not fit into a record is named by its hash, so that it can still be found. */
function readTokenId(jti: unknown): string | undefined {
  if (typeof jti !== 'string' || jti === '') return undefined
  return isPlainText(jti, maxTokenId) ? jti : `sha256:${hash('sha256', jti)}`
}

function checkType(typ: unknown, { typ: expected }: Issuer): void {
  const given = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ
  if (expected === undefined ? given === undefined || given === 'jwt' : given === expected) return
  throw new RefusedToken('type', `Its typ is not ${expected ?? 'JWT, or absent'}.`)
}

function checkAudience(aud: unknown, { audiences }: Issuer): void {
  const all: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (all.length > maxAudiences || !all.every((each) => typeof each === 'string')) {
    throw new RefusedToken('audience', `Its aud is no text, and no list of up to ${maxAudiences} texts.`)
  }
  if (!all.some((each) => audiences.includes(each))) {
    throw new RefusedToken('audience', 'Its aud names no audience of the issuer.')
  }
}

function checkTimes(claims: JsonObject, { maxLifetimeSeconds }: Issuer, nowSeconds: number): number {
  const exp = timeOf(claims, 'exp')
  const iat = timeOf(claims, 'iat')
  const nbf = claims.nbf === undefined ? iat : timeOf(claims, 'nbf')
  if (exp <= nowSeconds - leewaySeconds) throw new RefusedToken('time', 'It has expired.')
  if (iat > nowSeconds + maxFutureSeconds) throw new RefusedToken('time', 'Its iat is in the future.')
  if (nbf > nowSeconds + maxFutureSeconds) throw new RefusedToken('time', 'Its nbf is in the future.')
  if (exp <= iat || exp - iat > maxLifetimeSeconds) {
    throw new RefusedToken(
      'lifetime',
      `It lives for longer than ${maxLifetimeSeconds} seconds, or ends before it begins.`,
    )
  }
  return exp
}

function timeOf(claims: JsonObject, name: string): number {
  const value = claims[name]
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxNumber) return value
  throw new RefusedToken('claims', `Its ${name} is missing, or no whole number of seconds.`)
}

/** An ID token tells a client who has signed in. It is no right to call anybody else. */
function checkParty(claims: JsonObject, { typ, authorizedParties }: Issuer): void {
  const own = idTokenClaims.find((name) => claims[name] !== undefined)
  if (own !== undefined) throw new RefusedToken('id-token', `It is an ID token: it has ${own}.`)
  const parties = [claims.azp, claims.client_id].filter((each) => each !== undefined)
  if (authorizedParties === undefined) {
    if (parties.length === 0 || typ !== undefined) return
    throw new RefusedToken(
      'authorized-party',
      'It has azp or client_id, and the issuer has no authorizedParties.',
    )
  }
  if (parties.length > 0 && parties.every((each) => authorizedParties.includes(each as string))) return
  throw new RefusedToken(
    'authorized-party',
    'Its azp or client_id is none of the authorizedParties, or missing.',
  )
}

/** @throws RefusedToken for a binding that is not known: it would be ignored */
function readBinding(cnf: unknown): string | undefined {
  if (cnf === undefined) return undefined
  const isObject = typeof cnf === 'object' && cnf !== null && !Array.isArray(cnf)
  const { 'x5t#S256': thumbprint, ...others } = (isObject ? cnf : {}) as Record<string, unknown>
  if (
    typeof thumbprint === 'string' &&
    /^[A-Za-z0-9_-]{43}$/.test(thumbprint) &&
    Object.keys(others).length === 0
  ) {
    return thumbprint
  }
  throw new RefusedToken('binding', 'Its cnf is none of x5t#S256.')
}
