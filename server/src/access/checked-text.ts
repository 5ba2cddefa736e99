// The form of the secrets that Keyhold hands out: of API keys, sessions and setup links. The id finds the row; only a hash is stored.
// The secret has 256 random bits, so a plain SHA-256 is enough.
//
//   prefix "_" id "_" secret crc   id: 10 random characters, then 6 that only the root key makes; secret: 43 of base62;
//                                  crc: CRC-32 of all before it, as 6 digits of base62. The hash is over all but the crc.
//
// An id that was invented costs no query, and a mistyped text not even an HMAC. The prefix is part of what is hashed, so that a
// text of one sort is none of another.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base36 = base62.slice(0, 10) + base62.slice(36)
const idStartCharacters = 10
const idTagCharacters = 6
const secretCharacters = 43
const crcCharacters = 6

export interface CheckedText {
  id: string
  secret: string
}

/** Answers bytes that nobody without the root key can make. At least 8 bytes. */
export type IdTag = (idStart: string) => Uint8Array

/** `khk`: an API key; `khs`: a session; `khl`: a link. */
export type CheckedPrefix = 'khk' | 'khs' | 'khl'

const forms = { khk: formOf('khk'), khs: formOf('khs'), khl: formOf('khl') }

function formOf(prefix: string): RegExp {
  return new RegExp(`^(${prefix}_([0-9a-z]{16})_([0-9A-Za-z]{43}))([0-9A-Za-z]{6})$`)
}

export function generateCheckedText(tagOf: IdTag): CheckedText {
  const start = randomText(base36, idStartCharacters)
  return { id: start + idEnd(start, tagOf), secret: randomText(base62, secretCharacters) }
}

export function encodeCheckedText(prefix: CheckedPrefix, text: CheckedText): string {
  const unchecked = uncheckedText(prefix, text)
  return unchecked + checksum(unchecked)
}

/** Undefined for any other text, also for one with a wrong checksum. */
export function parseCheckedText(prefix: CheckedPrefix, text: string): CheckedText | undefined {
  const [, unchecked, id, secret, crc] = forms[prefix].exec(text) ?? []
  if (unchecked === undefined || id === undefined || secret === undefined) return undefined
  // No secret: who has the text computes it.
  return checksum(unchecked) === crc ? { id, secret } : undefined
}

/** Whether such an id can exist here. Compares in constant time. */
export function isTaggedId(id: string, tagOf: IdTag): boolean {
  const expected = idEnd(id.slice(0, idStartCharacters), tagOf)
  return timingSafeEqual(Buffer.from(id.slice(idStartCharacters)), Buffer.from(expected))
}

export function hashCheckedText(prefix: CheckedPrefix, text: CheckedText): Buffer {
  return hash('sha256', uncheckedText(prefix, text), 'buffer')
}

/** Compares in constant time. */
export function isCheckedText(prefix: CheckedPrefix, text: CheckedText, secretHash: Buffer): boolean {
  const hashed = hashCheckedText(prefix, text)
  return hashed.length === secretHash.length && timingSafeEqual(hashed, secretHash)
}

function uncheckedText(prefix: CheckedPrefix, { id, secret }: CheckedText): string {
  return `${prefix}_${id}_${secret}`
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
