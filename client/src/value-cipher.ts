// What encrypts and decrypts values, by the server or here: the tenant's handle and its local side have this in common.
import type { ItemResult } from './keyhold-item-error.ts'

/** Non-secret pairs that a value is bound to: the same must be given again to decrypt it. */
export type Context = Readonly<Record<string, string>>

export interface EncryptInput {
  /** Text is encrypted as UTF-8. Of other views than Uint8Array, such as Uint16Array, the bytes must be given. */
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
  /**
   * Encrypts values to tokens; answers one result for each, in their order. A wrong item does not fail the others: its
   * result is an error.
   *
   * @throws KeyholdClientError where the list or the options are wrong
   */
  encryptMany(items: readonly EncryptInput[], options?: SignalOption): Promise<ItemResult<string>[]>
  /** Decrypts tokens; answers one result for each, in their order, as `encryptMany` does. */
  decryptMany(
    items: readonly DecryptInput[],
    options?: SignalOption,
  ): Promise<ItemResult<Uint8Array<ArrayBuffer>>[]>
}
