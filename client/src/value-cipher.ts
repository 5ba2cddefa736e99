// What encrypts and decrypts values, by the server or here: the tenant's handle and its local side are alike in this.
import type { ItemResult } from './keyhold-item-error.ts'

/** Non-secret pairs that a value is bound to: the same must be given again to decrypt it. */
export type Context = Readonly<Record<string, string>>

export interface EncryptInput {
  /** Text is encrypted as UTF-8. */
  plaintext: string | Uint8Array
  /** The name of the data key; default "default". Keys that are leased for local encryption have none. */
  keyName?: string
  context?: Context
}

export interface DecryptInput {
  token: string
  context?: Context
}

export interface SignalOption {
  /** Ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal
}

export interface ValueCipher {
  /** Encrypts values to tokens; answers one result for each, in their order. */
  encryptMany(items: readonly EncryptInput[], options?: SignalOption): Promise<ItemResult<string>[]>
  /** Decrypts tokens; answers one result for each, in their order. */
  decryptMany(
    items: readonly DecryptInput[],
    options?: SignalOption,
  ): Promise<ItemResult<Uint8Array<ArrayBuffer>>[]>
}

/** The bytes of a plaintext. @throws TypeError for a lone surrogate, which would not come back as it was */
export function plaintextBytes(plaintext: string | Uint8Array): Uint8Array {
  if (typeof plaintext !== 'string') return plaintext
  if (!plaintext.isWellFormed())
    throw new TypeError('"plaintext" expected well-formed UTF-16, got a lone surrogate')
  return new TextEncoder().encode(plaintext)
}

/** The text of decrypted bytes. @throws TypeError for bytes that are not UTF-8 */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}
