// The methods for values, of the tenant's handle and of its local side. Each checks and copies its arguments before it
// awaits anything, and hands the copies to a cipher.
import { optional, readMembers, readOptions, type Readers } from './checks/read-members.ts'
import { readContext } from './checks/read-context.ts'
import { readList } from './checks/read-list.ts'
import { readPlaintext } from './checks/read-plaintext.ts'
import { readSignal } from './checks/option-readers.ts'
import { readToken } from './checks/read-token.ts'
import type { ItemCipher, PlainItem, TokenItem } from './item-cipher.ts'
import { itemResult, valueOf, type ItemResult } from './keyhold-item-error.ts'
import { textOf } from './text-of.ts'
import type { DecryptInput, EncryptInput, SignalOption, ValueCipher } from './value-cipher.ts'

export type EncryptOptions = Omit<EncryptInput, 'plaintext'> & SignalOption
export type DecryptOptions = Omit<DecryptInput, 'token'> & SignalOption

export interface ValueMethods extends ValueCipher {
  encrypt(plaintext: string | Uint8Array, options?: EncryptOptions): Promise<string>
  decrypt(token: string, options?: DecryptOptions): Promise<Uint8Array<ArrayBuffer>>
  decryptText(token: string, options?: DecryptOptions): Promise<string>
}

const signal = optional(readSignal)
const context = optional(readContext)

export function createValueMethods(cipher: ItemCipher): ValueMethods {
  const keyName = cipher.readKeyName
  const plaintext = (value: unknown, member: string): PlainItem['plaintext'] =>
    readPlaintext(value, member, cipher.maxPlaintextBytes)

  const methods: ValueMethods = {
    async encrypt(value, options) {
      const { signal: end, ...rest } = readOptions(options, { context, keyName, signal })
      const item: PlainItem = { plaintext: plaintext(value, 'plaintext'), ...rest }
      return valueOf((await cipher.encryptItems([{ value: item }], end))[0])
    },

    async decrypt(value, options) {
      const { signal: end, ...rest } = readOptions(options, { context, signal })
      const item: TokenItem = { token: readToken(value, 'token'), ...rest }
      return valueOf((await cipher.decryptItems([{ value: item }], end))[0])
    },

    decryptText: async (token, options) => textOf(await methods.decrypt(token, options)),

    async encryptMany(items, options) {
      const end = readOptions(options, { signal }).signal
      return cipher.encryptItems(readItems(items, { plaintext, context, keyName }), end)
    },

    async decryptMany(items, options) {
      const end = readOptions(options, { signal }).signal
      return cipher.decryptItems(readTokenItems(items), end)
    },
  }
  return methods
}

/** Items to decrypt or to re-encrypt. @throws KeyholdClientError where they are not a list */
export function readTokenItems(items: unknown): ItemResult<TokenItem>[] {
  return readItems(items, { token: readToken, context })
}

/** A wrong item becomes its own result; something other than a list fails the call. */
function readItems<const Known extends Readers>(items: unknown, readers: Known) {
  return readList(items, 'items', 'ERR_CLIENT_ITEM_INVALID').map((item, index) =>
    itemResult(() => readMembers(item, `items[${index}]`, readers, 'ERR_CLIENT_ITEM_INVALID')),
  )
}
