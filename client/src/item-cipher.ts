// The interface between the methods for values and their two sides, the server and local encryption. All items here are
// checked, and copies of the SDK's own: the caller cannot change them while a request is under way.
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

/** Answers one result for each item, in order. An item that is an error already is its own result. */
export interface ItemCipher {
  /** The longest plaintext, in bytes. */
  readonly maxPlaintextBytes: number
  /** Checks the name of a data key. Local encryption refuses every name. */
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
