// The text of an API key.
//
//   checked  "khk_" …               the form of checked-text.ts
//   plain    "kh_" id "_" secret    from versions before: secret in base64url; the hash is over the secret alone
//
// The hashes differ, so that a key of one form is no key in the other: a version that knows the plain form alone takes no checked
// key for one without limits.
import { hash, timingSafeEqual } from 'node:crypto'
import {
  encodeCheckedText,
  generateCheckedText,
  hashCheckedText,
  isTaggedId,
  parseCheckedText,
  type CheckedText,
  type IdTag,
} from './checked-text.ts'

export type { IdTag } from './checked-text.ts'

const plainForm = /^kh_([0-9a-z]{16})_([A-Za-z0-9_-]{43})$/

export interface ApiKeyToken extends CheckedText {
  form: 'checked' | 'plain'
}

export function generateApiKeyToken(tagOf: IdTag): ApiKeyToken {
  return { form: 'checked', ...generateCheckedText(tagOf) }
}

export function encodeApiKeyToken(token: ApiKeyToken): string {
  return token.form === 'plain' ? `kh_${token.id}_${token.secret}` : encodeCheckedText('khk', token)
}

/** Undefined for any other text, also for one with a wrong checksum. */
export function parseApiKeyToken(text: string): ApiKeyToken | undefined {
  const checked = parseCheckedText('khk', text)
  if (checked !== undefined) return { form: 'checked', ...checked }
  const [, id, secret] = plainForm.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { form: 'plain', id, secret }
}

/** Whether an API key with this id can exist here. Every plain one can. Compares in constant time. */
export function isPossibleId({ form, id }: Pick<ApiKeyToken, 'form' | 'id'>, tagOf: IdTag): boolean {
  return form === 'plain' || isTaggedId(id, tagOf)
}

export function hashApiKeySecret(token: ApiKeyToken): Buffer {
  return token.form === 'plain' ? hash('sha256', token.secret, 'buffer') : hashCheckedText('khk', token)
}

/** Compares in constant time. */
export function isApiKeySecret(token: ApiKeyToken, secretHash: Buffer): boolean {
  const hashed = hashApiKeySecret(token)
  return hashed.length === secretHash.length && timingSafeEqual(hashed, secretHash)
}
