// What encrypts and decrypts items that are checked. Everything in them is the SDK's own copy, so the caller cannot change
// it while a request is on its way.
import type { Reader } from './checks/read-members.ts'
import type { ItemResult } from './keyhold-item-error.ts'
import type { Context } from './value-cipher.ts'

export interface PlainItem {
  plaintext: Uint8Array<ArrayBuffer>
  context: Context | undefined
  keyName: string | undefined
}

export interface TokenItem {
  token: string
  context: Context | undefined
}

/** Answers one result for each item, in their order; an item that is an error is its own result. */
export interface ItemCipher {
  /** The longest plaintext, in bytes. */
  readonly maxPlaintextBytes: number
  /** Refuses every name where the keys have none. */
  readonly readKeyName: Reader<string | undefined>
  encryptItems(
    items: readonly ItemResult<PlainItem>[],
    signal: AbortSignal | undefined,
  ): Promise<ItemResult<string>[]>
  decryptItems(
    items: readonly ItemResult<TokenItem>[],
    signal: AbortSignal | undefined,
  ): Promise<ItemResult<Uint8Array<ArrayBuffer>>[]>
}
