// The text of an API key. The id finds the row; only a hash is stored. The secret has 256 random bits, so a plain SHA-256 is
// enough.
//
//   checked  "khk_" id "_" secret crc   id: 10 random characters, then 6 that only the root key makes; secret: 43 of base62;
//                                       crc: CRC-32 of all before it, as 6 digits of base62. The hash is over all but the crc.
//   plain    "kh_" id "_" secret        from versions before: secret in base64url; the hash is over the secret alone
//
// An id that was invented costs no query, and a mistyped key not even an HMAC. The hashes differ, so that a key of one form is
// no key in the other: a version that knows the plain form alone takes no checked key for one without limits.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

const checkedForm = /^(khk_([0-9a-z]{16})_([0-9A-Za-z]{43}))([0-9A-Za-z]{6})$/
const plainForm = /^kh_([0-9a-z]{16})_([A-Za-z0-9_-]{43})$/

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base36 = base62.slice(0, 10) + base62.slice(36)
const idStartCharacters = 10
const idTagCharacters = 6
const secretCharacters = 43
const crcCharacters = 6

export interface ApiKeyToken {
  form: 'checked' | 'plain'
  id: string
  secret: string
}

/** Answers bytes that nobody without the root key can make. At least 8 bytes. */
export type IdTag = (idStart: string) => Uint8Array

export function generateApiKeyToken(tagOf: IdTag): ApiKeyToken {
  const start = randomText(base36, idStartCharacters)
  return { form: 'checked', id: start + idEnd(start, tagOf), secret: randomText(base62, secretCharacters) }
}

export function encodeApiKeyToken(token: ApiKeyToken): string {
  if (token.form === 'plain') return `kh_${token.id}_${token.secret}`
  const unchecked = uncheckedText(token)
  return unchecked + checksum(unchecked)
}

/** Undefined for any other text, also for one with a wrong checksum. */
export function parseApiKeyToken(text: string): ApiKeyToken | undefined {
  const [, unchecked, id, secret, crc] = checkedForm.exec(text) ?? []
  if (unchecked !== undefined && id !== undefined && secret !== undefined) {
    // No secret: who has the text computes it.
    return checksum(unchecked) === crc ? { form: 'checked', id, secret } : undefined
  }
  const [, plainId, plainSecret] = plainForm.exec(text) ?? []
  if (plainId === undefined || plainSecret === undefined) return undefined
  return { form: 'plain', id: plainId, secret: plainSecret }
}

/** Whether an API key with this id can exist here. Every plain one can. Compares in constant time. */
export function isPossibleId({ form, id }: Pick<ApiKeyToken, 'form' | 'id'>, tagOf: IdTag): boolean {
  if (form === 'plain') return true
  const expected = idEnd(id.slice(0, idStartCharacters), tagOf)
  return timingSafeEqual(Buffer.from(id.slice(idStartCharacters)), Buffer.from(expected))
}

export function hashApiKeySecret(token: ApiKeyToken): Buffer {
  return hash('sha256', token.form === 'plain' ? token.secret : uncheckedText(token), 'buffer')
}

/** Compares in constant time. */
export function isApiKeySecret(token: ApiKeyToken, secretHash: Buffer): boolean {
  const hashed = hashApiKeySecret(token)
  return hashed.length === secretHash.length && timingSafeEqual(hashed, secretHash)
}

function uncheckedText({ id, secret }: ApiKeyToken): string {
  return `khk_${id}_${secret}`
}

function idEnd(start: string, tagOf: IdTag): string {
  const number = Buffer.from(tagOf(start)).readBigUInt64BE()
  return (number % 36n ** BigInt(idTagCharacters)).toString(36).padStart(idTagCharacters, '0')
}

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let index = 0; index < crcCharacters; index++) {
    digits = base62.charAt(rest % base62.length) + digits
    rest = Math.floor(rest / base62.length)
  }
  return digits
}

/** Each character is as likely as every other one: bytes from the last, incomplete round of the alphabet are left out. */
function randomText(alphabet: string, length: number): string {
  const usable = 256 - (256 % alphabet.length)
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < usable && text.length < length) text += alphabet.charAt(byte % alphabet.length)
    }
  }
  return text
}
