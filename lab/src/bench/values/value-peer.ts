// The work of every side in the comparison of values.
import type { Work } from '../alternate.ts'

export interface ValueWork {
  encrypt: Work
  decrypt: Work
}

/** Makes keys, and one encrypted value to decrypt; throws where the library does not run. */
export type PrepareValue = (plaintext: Buffer) => Promise<ValueWork> | ValueWork
