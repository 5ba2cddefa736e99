/** A decrypted value differs from the encrypted one. It ends the run. */
export class WrongValue extends Error {
  override readonly name = 'WrongValue'
}
