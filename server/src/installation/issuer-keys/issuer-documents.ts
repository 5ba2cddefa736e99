// The two public documents of the issuer: its discovery document (OpenID Connect Discovery 1.0, section 3) and its JWK set. Served as
// they are, or exported as files for another web server.

export const discoveryPath = '/.well-known/openid-configuration'
export const keySetPath = '/.well-known/jwks.json'

/** How long a page may be kept, in seconds. */
export const pageMaxAgeSeconds = 3_600

/** One public page, below `KEYHOLD_ISSUER_URL`. */
export interface IssuerPage {
  path: typeof discoveryPath | typeof keySetPath
  body: string
}

/** @param issuer - `KEYHOLD_ISSUER_URL` */
export function issuerPages(issuer: string, publicKeys: readonly object[]): IssuerPage[] {
  const discovery = {
    issuer,
    jwks_uri: `${issuer}${keySetPath}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub'],
    scopes_supported: ['openid'],
  }
  return [
    { path: discoveryPath, body: textOf(discovery) },
    { path: keySetPath, body: textOf({ keys: publicKeys }) },
  ]
}

const textOf = (document: object) => `${JSON.stringify(document, undefined, 2)}\n`
