// The blind index stands beside an encrypted field, so that equal values can be found. It reveals which values of a
// column are equal. Anyone who can compute it can also guess values and recognise them.
//
//   HMAC-SHA-256(key, "keyhold/blind-index/1" 00 ‖ u16 n ‖ n × (lp(key) lp(value)) ‖ value), cut to `bits`
//
// The pairs are encoded as in KHC1, and their count says where they end, so no two inputs have the same bytes.
import { createHmac, type KeyObject } from 'node:crypto'
import { appendPairs, type EncryptionContext } from './context/context.ts'

const label = Buffer.from('keyhold/blind-index/1\0', 'ascii')

/**
 * The blind index of `value`, in base64url without padding.
 *
 * @param key - a key for this purpose alone
 * @param pairs - the place of the value, as `{ table, column }`: equal values at other places have other indexes
 * @param bits - 64 to 256, a multiple of 8
 * @throws TypeError for a string that is not well-formed; RangeError for `bits`
 */
export function blindIndex(key: KeyObject, pairs: EncryptionContext, value: string, bits: number): string {
  if (!Number.isInteger(bits) || bits < 64 || bits > 256 || bits % 8 !== 0)
    throw new RangeError(`"bits" expected a multiple of 8 from 64 to 256, got ${bits}`)
  // Two lone surrogates would encode to the same bytes.
  if (!value.isWellFormed()) throw new TypeError('"value" expected well-formed UTF-16, got a lone surrogate')
  const mac = createHmac('sha256', key).update(appendPairs(label, pairs)).update(value, 'utf8').digest()
  return mac.subarray(0, bits / 8).toString('base64url')
}
