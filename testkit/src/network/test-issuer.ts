// An issuer of JWTs for tests: a key, its public half as a JWK set, and tokens of whatever form.
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTHeaderParameters } from 'jose'

export interface TestIssuer {
  readonly keyId: string
  readonly jwk: JWK
  readonly jwks: string
  /** A good token; `undefined` takes a member out. */
  sign(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  /** The signed text of a header and a payload that are given as they are. */
  signTexts(header: string, payload: string): Promise<string>
}

export const issuerUrl = 'https://issuer.example'
export const audience = 'https://keyhold.example'

export async function createTestIssuer(
  keyId = 'k1',
  algorithm = 'ES256',
  now = () => Date.now(),
): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: keyId, use: 'sig', alg: algorithm }

  async function sign(
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): Promise<string> {
    const seconds = Math.floor(now() / 1_000)
    const payload = {
      ...{ iss: issuerUrl, aud: audience, sub: 'workload-1', iat: seconds, exp: seconds + 600 },
      ...claims,
    }
    const whole = JSON.parse(JSON.stringify({ alg: algorithm, kid: keyId, ...header })) as JWTHeaderParameters
    return new SignJWT(JSON.parse(JSON.stringify(payload)) as Record<string, unknown>)
      .setProtectedHeader(whole)
      .sign(privateKey)
  }

  async function signTexts(header: string, payload: string): Promise<string> {
    const text = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`
    const hash = { name: 'ECDSA', hash: 'SHA-256' }
    const signature = await crypto.subtle.sign(hash, privateKey, Buffer.from(text))
    return `${text}.${Buffer.from(signature).toString('base64url')}`
  }
  return { keyId, jwk, jwks: JSON.stringify({ keys: [jwk] }), sign, signTexts }
}
