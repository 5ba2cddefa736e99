// Verifies a JWT: whose it is, whether it holds, and which caller it names. The issuer is chosen by what nobody has verified yet, and
// nothing else is.
import type { Issuer } from '../file/issuers-form.ts'
import type { IssuerKey } from '../keys/parse-jwks.ts'
import { mapToken, type Mapped } from '../map-caller.ts'
import { checkToken, type CheckedToken } from './check-token.ts'
import { readJwt, type ReadJwt } from './read-jwt.ts'
import { RefusedToken } from './refused-token.ts'
import { verifySignature } from './verify-signature.ts'

export interface TrustedIssuer extends Issuer {
  findKey: (keyId: string) => IssuerKey | undefined | Promise<IssuerKey | undefined>
}

/** A JWT whose signature nobody has looked at. */
export interface UnprovenJwt {
  token: string
  read: ReadJwt
  issuer: TrustedIssuer
  checked: CheckedToken
}

export interface VerifiedJwt extends Mapped, Pick<CheckedToken, 'expiresAtSeconds' | 'boundTo'> {
  issuer: Issuer
}

export interface Trust {
  issuers: readonly TrustedIssuer[]
  /** As Keyhold itself signs tokens: it never accepts one of its own. */
  ownIssuer: string | undefined
}

/** @throws RefusedToken */
export function examineJwt(token: string, { issuers, ownIssuer }: Trust, nowSeconds: number): UnprovenJwt {
  const read = readJwt(token)
  const { iss } = read.claims
  if (ownIssuer !== undefined && iss === ownIssuer) {
    throw new RefusedToken('own-issuer', 'Keyhold has signed it itself, for others.')
  }
  const issuer = issuers.find((each) => each.issuer === iss)
  if (issuer === undefined) throw new RefusedToken('issuer', 'Its iss is none of the file of issuers.')
  try {
    return { token, read, issuer, checked: checkToken(read, issuer, nowSeconds) }
  } catch (error) {
    if (error instanceof RefusedToken) error.issuer = issuer.name
    throw error
  }
}

/** @throws RefusedToken, KeyholdError `ERR_ISSUER_UNREACHABLE` */
export async function proveJwt({ token, read, issuer, checked }: UnprovenJwt): Promise<VerifiedJwt> {
  const { keyId, algorithm, expiresAtSeconds, boundTo } = checked
  const found = await issuer.findKey(keyId)
  if (found === undefined) throw new RefusedToken('unknown-key', 'Its kid is no key of the issuer.')
  if (found.algorithm !== undefined && found.algorithm !== algorithm) {
    throw new RefusedToken('algorithm', 'Its key is for another algorithm.')
  }
  await verifySignature(token, found.key, algorithm)
  if (issuer.requireCertificateBinding && boundTo === undefined) {
    throw new RefusedToken('binding', 'It is bound to no certificate, and the issuer requires it.')
  }
  return { ...mapToken(issuer, checked, read.claims), expiresAtSeconds, boundTo, issuer }
}
