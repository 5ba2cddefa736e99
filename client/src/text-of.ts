// From decrypted bytes to text.
import { KeyholdClientError } from './keyhold-client-error.ts'

/** @throws KeyholdClientError `ERR_CLIENT_NOT_TEXT` for bytes that are not UTF-8: text would not give them back */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    const message = 'the value is not UTF-8 text: read it as bytes, with decrypt'
    throw new KeyholdClientError('ERR_CLIENT_NOT_TEXT', message, { cause })
  }
}
