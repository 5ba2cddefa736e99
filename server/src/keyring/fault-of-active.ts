// Whether a version may encrypt, by what is signed about its data key.
import { KeyholdError } from '@keyhold/core'
import type { ActiveCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'

/** Keyhold makes no version below the minimum active: somebody else has, and may know the key. Undefined: it may encrypt. */
export function faultOfActive({ dataKeyId, isRetired, fault }: ActiveCipherkeyRow): KeyholdError | undefined {
  if (fault !== undefined || !isRetired) return fault
  return new KeyholdError('ERR_KEY_INTEGRITY', {
    message: `The active version of the data key ${dataKeyId} is below its minimum version.`,
  })
}
