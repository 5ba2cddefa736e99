// The methods for many values, which the tenant's handle (by the server) and its local side (here) have in common.
import type { ItemResult } from './keyhold-item-error.ts'

/** Non-secret pairs that a value is bound to. Decryption needs the same pairs again. */
export type Context = Readonly<Record<string, string>>

export interface EncryptInput {
  /** Text is encrypted as UTF-8. Other views, such as a Uint16Array, are refused: pass their bytes. */
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
   * Encrypts values to tokens and answers one result for each, in order. A wrong item does not fail the others: its
   * result is an error.
   *
   * @throws KeyholdClientError where the list or the options are wrong
   */
  encryptMany(items: readonly EncryptInput[], options?: SignalOption): Promise<ItemResult<string>[]>
  /** Decrypts tokens and answers one result for each, in order, as `encryptMany` does. */
  decryptMany(
    items: readonly DecryptInput[],
    options?: SignalOption,
  ): Promise<ItemResult<Uint8Array<ArrayBuffer>>[]>
}
