// Verifies an identity token as AWS STS does: by the public pages of its issuer, fetched each time. Its words are those of AWS.
import { createPublicKey, verify, type JsonWebKey } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import { KmsError } from '../kms-error.ts'
import type { IdentityProviders, NewIdentityProvider } from './identity-providers.ts'

const maxTokenCharacters = 20_000
const maxPageBytes = 262_144
const fetchTimeoutMs = 2_000
// AWS takes more algorithms; no issuer here signs with them.
const hashOf: Readonly<Record<string, string>> = { RS256: 'sha256', RS384: 'sha384', RS512: 'sha512' }

export interface VerifiedToken {
  issuer: string
  subject: string
  audience: string
}

/** @throws KmsError InvalidIdentityToken, ExpiredIdentityToken */
export async function verifyIdentityToken(
  token: string,
  { account, providers, nowMs }: { account: string; providers: IdentityProviders; nowMs: number },
): Promise<VerifiedToken> {
  const { header, claims, input, signature } = parse(token)
  const { iss, sub, aud, azp } = claims
  if (typeof iss !== 'string' || typeof sub !== 'string') throw notValid()
  const provider = providers.find(account, iss)
  if (provider === undefined) throw invalidToken(`No OpenIDConnect provider found in your account for ${iss}`)
  // Where there is an authorized party, AWS compares that.
  const audience = typeof azp === 'string' ? azp : oneOf(aud)
  if (!provider.clientIds.includes(audience)) throw invalidToken('Incorrect token audience')
  const key = await fetchKey(provider, header)
  const digest = hashOf[String(header.alg)]
  if (key === undefined || digest === undefined) throw noVerificationKey()
  if (!verify(digest, Buffer.from(input, 'ascii'), createPublicKey({ key, format: 'jwk' }), signature))
    throw invalidToken('Provided Token is not a valid token')
  checkTimes(claims, nowMs)
  return { issuer: iss, subject: sub, audience }
}

function parse(token: string) {
  const [header = '', payload = '', signature = '', ...rest] = token.split('.')
  if (token.length > maxTokenCharacters || rest.length > 0 || signature === '') throw notValid()
  return {
    header: objectOf(header),
    claims: objectOf(payload),
    input: `${header}.${payload}`,
    signature: Buffer.from(signature, 'base64url'),
  }
}

function objectOf(part: string): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    if (isJsonObject(value)) return value
  } catch {
    // It is no JSON.
  }
  throw notValid()
}

function oneOf(audience: unknown): string {
  const [one, ...others] = Array.isArray(audience) ? (audience as unknown[]) : [audience]
  if (typeof one !== 'string' || others.length > 0) throw notValid()
  return one
}

function checkTimes({ exp, iat, nbf }: JsonObject, nowMs: number): void {
  const now = Math.floor(nowMs / 1_000)
  if (!Number.isInteger(iat) || !Number.isInteger(exp)) throw notValid()
  if (Number(exp) <= now) {
    throw new KmsError(
      'ExpiredIdentityToken',
      `Token expired: current date/time ${now} must be before the expiration date/time ${Number(exp)}`,
    )
  }
  if (Number(nbf ?? 0) > now || Number(iat) > now + 60) throw invalidToken('Token is not valid yet')
}

/** The key that the header names. Undefined: the pages have no such key, or cannot be fetched. */
async function fetchKey(
  { url, pagesAt }: NewIdentityProvider,
  { kid }: JsonObject,
): Promise<JsonWebKey | undefined> {
  const discovery = await fetchObject(`${pagesAt}/.well-known/openid-configuration`)
  const keySetUrl = discovery?.jwks_uri
  if (discovery?.issuer !== url || typeof keySetUrl !== 'string' || !keySetUrl.startsWith(url))
    return undefined
  const keySet = await fetchObject(pagesAt + keySetUrl.slice(url.length))
  const keys: unknown[] = Array.isArray(keySet?.keys) ? keySet.keys : []
  return keys.find(
    (key): key is JsonObject & JsonWebKey =>
      isJsonObject(key) && kid !== undefined && key.kid === kid && key.kty === 'RSA',
  )
}

async function fetchObject(url: string): Promise<JsonObject | undefined> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(fetchTimeoutMs) })
    const text = await answer.text()
    if (answer.status !== 200 || text.length > maxPageBytes) return undefined
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function notValid(): KmsError {
  return invalidToken(
    'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
  )
}

function noVerificationKey(): KmsError {
  return invalidToken(
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
  )
}

function invalidToken(message: string): KmsError {
  return new KmsError('InvalidIdentityToken', message)
}
