// The text of an API key: "kh_<id>_<secret>". The id finds the row; only a hash of the secret is stored. The secret
// has 256 random bits, so a plain SHA-256 is enough.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

const form = /^kh_([0-9a-z]{16})_([A-Za-z0-9_-]{43})$/

export interface ApiKeyToken {
  id: string
  secret: string
}

export function generateApiKeyToken(): ApiKeyToken {
  const id = BigInt(`0x${randomBytes(10).toString('hex')}`)
    .toString(36)
    .padStart(16, '0')
  return { id, secret: randomBytes(32).toString('base64url') }
}

export function encodeApiKeyToken({ id, secret }: ApiKeyToken): string {
  return `kh_${id}_${secret}`
}

/** Undefined for any other text. */
export function parseApiKeyToken(text: string): ApiKeyToken | undefined {
  const [, id, secret] = form.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

export function hashApiKeySecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/** Compares in constant time. */
export function isApiKeySecret(secret: string, secretHash: Buffer): boolean {
  return timingSafeEqual(hashApiKeySecret(secret), secretHash)
}
