// Writes a field's value as bytes: one letter for its type, then its text. The type is encrypted with the text, so that
// decryption gives back the same type, and nobody else sees it.
//
//   s string · n number · b boolean · i bigint · d Date (ISO 8601, UTC) · x bytes
import { isBytes } from '../checks/copy-bytes.ts'
import { readPlaintext } from '../checks/read-plaintext.ts'
import { timeOf } from '../checks/time-of.ts'
import { wrongMember } from '../checks/wrong-member.ts'
import { KeyholdItemError, type ItemResult } from '../keyhold-item-error.ts'
import { textOf } from '../text-of.ts'

/**
 * @param maxBytes - the limit for letter and text together
 * @throws KeyholdClientError `ERR_CLIENT_PLAINTEXT_INVALID` for any other type, and for an invalid Date;
 * KeyholdItemError `ERR_ITEM_TOO_LARGE`
 */
export function encodeFieldValue(value: unknown, member: string, maxBytes: number): Uint8Array<ArrayBuffer> {
  const [letter, content] = isBytes(value) ? ['x', value] : letterAndText(value, member)
  const contentBytes = readPlaintext(content, member, maxBytes - 1)
  const bytes = new Uint8Array(1 + contentBytes.length)
  bytes[0] = letter.charCodeAt(0)
  bytes.set(contentBytes, 1)
  return bytes
}

function letterAndText(value: unknown, member: string): [letter: string, text: string] {
  if (typeof value === 'string') return ['s', value]
  // String() would write minus zero without its sign.
  if (typeof value === 'number') return ['n', Object.is(value, -0) ? '-0' : String(value)]
  if (typeof value === 'boolean') return ['b', String(value)]
  if (typeof value === 'bigint') return ['i', String(value)]
  const timeMs = timeOf(value)
  if (timeMs !== undefined) return ['d', new Date(timeMs).toISOString()]
  const expected = 'a string, number, boolean, bigint, valid Date or Uint8Array'
  throw wrongMember('ERR_CLIENT_PLAINTEXT_INVALID', member, expected)
}

/** The value; an error for bytes that `encodeFieldValue` does not make: they were not encrypted as a field. */
export function decodeFieldValue(bytes: Uint8Array): ItemResult<unknown> {
  const value = decoded(bytes)
  return value === undefined ? { error: notAField() } : { value }
}

function decoded(bytes: Uint8Array): unknown {
  const letter = String.fromCharCode(bytes[0] ?? 0)
  if (letter === 'x') return bytes.slice(1)
  try {
    const value = parse(letter, textOf(bytes.subarray(1)))
    const again = encodeFieldValue(value, '', Infinity)
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

function notAField(): KeyholdItemError {
  const title = 'The value cannot be decrypted.'
  const detail = 'It was not encrypted as a field.'
  return new KeyholdItemError({ code: 'ERR_DECRYPTION_FAILED', title, detail })
}
