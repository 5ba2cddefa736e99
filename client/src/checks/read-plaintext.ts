// Turns a value to encrypt into the bytes that are encrypted.
import { KeyholdItemError } from '../keyhold-item-error.ts'
import { byteCount, copyBytes, isBytes } from './copy-bytes.ts'
import { readText } from './read-text.ts'
import { wrongMember } from './wrong-member.ts'

const code = 'ERR_CLIENT_PLAINTEXT_INVALID'

/**
 * The bytes of a text, or a copy of the bytes.
 *
 * @param maxBytes - more are refused without being copied
 * @throws KeyholdClientError `ERR_CLIENT_PLAINTEXT_INVALID` for anything that decryption could not give back as it is;
 * KeyholdItemError `ERR_ITEM_TOO_LARGE`
 */
export function readPlaintext(value: unknown, member: string, maxBytes: number): Uint8Array<ArrayBuffer> {
  if (typeof value === 'string') return textBytes(value, member, maxBytes)
  if (!isBytes(value)) throw wrongMember(code, member, 'a string or a Uint8Array')
  if (byteCount(value) > maxBytes) throw tooLarge()
  const bytes = copyBytes(value)
  if (bytes === undefined) throw wrongMember(code, member, 'bytes whose buffer is still there')
  return bytes
}

function textBytes(text: string, member: string, maxBytes: number): Uint8Array<ArrayBuffer> {
  // Each code unit takes at least a byte.
  if (text.length > maxBytes) throw tooLarge()
  const bytes = new TextEncoder().encode(readText(text, member))
  if (bytes.length > maxBytes) throw tooLarge()
  return bytes
}

/** Refused here, because the server would refuse the whole request for its size. */
export function tooLarge(): KeyholdItemError {
  return new KeyholdItemError({ code: 'ERR_ITEM_TOO_LARGE', title: 'The item is too large.' })
}
