// A field's value as bytes: one letter for its type, then its text. The type is inside what is encrypted, so it comes
// back as it was, and shows to nobody.
//
//   s string · n number · b boolean · i bigint · d Date (ISO 8601, UTC) · x bytes
import { KeyholdItemError, type ItemResult } from './keyhold-item-error.ts'
import { plaintextBytes, textOf } from './value-cipher.ts'

/** @throws TypeError for any other type, and for a date that is none */
export function encodeFieldValue(value: unknown, path: string): Uint8Array {
  if (value instanceof Uint8Array) return joined('x', value)
  return joined(...letterAndText(value, path))
}

function letterAndText(value: unknown, path: string): [letter: string, content: Uint8Array] {
  if (typeof value === 'string') return ['s', plaintextBytes(value)]
  // String() would write minus zero without its sign.
  if (typeof value === 'number') return ['n', plaintextBytes(Object.is(value, -0) ? '-0' : String(value))]
  if (typeof value === 'boolean') return ['b', plaintextBytes(String(value))]
  if (typeof value === 'bigint') return ['i', plaintextBytes(String(value))]
  if (value instanceof Date && !Number.isNaN(value.getTime()))
    return ['d', plaintextBytes(value.toISOString())]
  throw new TypeError(`"${path}" expected a string, number, boolean, bigint, Date or bytes`)
}

function joined(letter: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + content.length)
  bytes[0] = letter.charCodeAt(0)
  bytes.set(content, 1)
  return bytes
}

/** The value again; an error for bytes that `encodeFieldValue` does not make, which something else has encrypted. */
export function decodeFieldValue(bytes: Uint8Array, path: string): ItemResult<unknown> {
  const value = decoded(bytes)
  return value === undefined ? { error: notAField(path) } : { value }
}

function decoded(bytes: Uint8Array): unknown {
  const letter = String.fromCharCode(bytes[0] ?? 0)
  if (letter === 'x') return bytes.slice(1)
  try {
    const value = parse(letter, textOf(bytes.subarray(1)))
    const again = encodeFieldValue(value, '')
    const isSame = again.length === bytes.length && again.every((byte, index) => byte === bytes[index])
    return isSame ? value : undefined
  } catch {
    return undefined
  }
}

function parse(letter: string, text: string): unknown {
  if (letter === 's') return text
  if (letter === 'n') return Number(text)
  if (letter === 'b') return text === 'true'
  if (letter === 'i') return BigInt(text)
  if (letter === 'd') return new Date(text)
  return undefined
}

function notAField(path: string): KeyholdItemError {
  const title = 'The value cannot be decrypted.'
  return new KeyholdItemError(
    { code: 'ERR_DECRYPTION_FAILED', title, detail: 'It was not encrypted as a field.' },
    path,
  )
}
