// A tenant's handle: values encrypted, decrypted and re-encrypted by the server, in as few requests as possible.
import { limits } from '@keyhold/contract'
import { decodeBase64, encodeBase64 } from './base64.ts'
import type { KeyholdCall } from './call-types.ts'
import { fields, type Fields, type FieldsOptions } from './fields.ts'
import { KeyholdClientError } from './keyhold-client-error.ts'
import { KeyholdItemError, valueOf, type ItemResult } from './keyhold-item-error.ts'
import { splitItems, type PlacedItem, type SentItem } from './split-items.ts'
import {
  plaintextBytes,
  textOf,
  type DecryptInput,
  type EncryptInput,
  type SignalOption,
  type ValueCipher,
} from './value-cipher.ts'

export type EncryptOptions = Omit<EncryptInput, 'plaintext'> & SignalOption
export type DecryptOptions = Omit<DecryptInput, 'token'> & SignalOption

/** A token under the active data key, and whether it is another one than was given. */
export interface Reencrypted {
  token: string
  reencrypted: boolean
}

/** Everything here is sent again when the server is busy or away, as often as `maxRetries` says; default 3. */
export interface TenantClient extends ValueCipher {
  /** Undefined where the token decides it. */
  readonly id: string | undefined
  /** Calls one route for this tenant. */
  readonly call: KeyholdCall
  /**
   * Encrypts a value of at most 1 MiB to a token.
   *
   * @throws KeyholdItemError for this value; KeyholdApiError where the tenant is locked or the server refuses
   */
  encrypt(plaintext: string | Uint8Array, options?: EncryptOptions): Promise<string>
  /** @throws KeyholdItemError `ERR_DECRYPTION_FAILED`, for a wrong context and a changed token alike */
  decrypt(token: string, options?: DecryptOptions): Promise<Uint8Array<ArrayBuffer>>
  /** `decrypt` for what was text. @throws TypeError where it is not UTF-8 */
  decryptText(token: string, options?: DecryptOptions): Promise<string>
  /** Brings tokens under the active data key of their name. */
  reencryptMany(items: readonly DecryptInput[], options?: SignalOption): Promise<ItemResult<Reencrypted>[]>
  /** Encrypts fields of the application's own records. */
  fields<Plain extends object, Stored extends object = Plain>(
    paths: readonly string[],
    options: FieldsOptions<Plain>,
  ): Fields<Plain, Stored>
}

export function createTenantClient(id: string | undefined, call: KeyholdCall): TenantClient {
  const cipher: ValueCipher = {
    encryptMany: (items, { signal } = {}) =>
      inRequests(items.map(toEncryptItem), async (request) => {
        const { body } = await call('encrypt', { body: { items: request }, ...(signal && { signal }) })
        return body.items.map((item) => resultOf(item, ({ token }) => token))
      }),
    decryptMany: (items, { signal } = {}) =>
      inRequests(items.map(toDecryptItem), async (request) => {
        const { body } = await call('decrypt', { body: { items: request }, ...(signal && { signal }) })
        return body.items.map((item) => resultOf(item, ({ plaintext }) => decodeBase64(plaintext)))
      }),
  }
  const tenant: TenantClient = {
    id,
    call,
    ...cipher,
    async encrypt(plaintext, { signal, ...options } = {}) {
      const [result] = await cipher.encryptMany([{ plaintext, ...options }], { ...(signal && { signal }) })
      return valueOf(result)
    },
    async decrypt(token, { signal, ...options } = {}) {
      const [result] = await cipher.decryptMany([{ token, ...options }], { ...(signal && { signal }) })
      return valueOf(result)
    },
    decryptText: async (token, options) => textOf(await tenant.decrypt(token, options)),
    reencryptMany: (items, { signal } = {}) =>
      inRequests(items.map(toDecryptItem), async (request) => {
        const { body } = await call('reencrypt', { body: { items: request }, ...(signal && { signal }) })
        return body.items.map((item) => resultOf(item, ({ token, reencrypted }) => ({ token, reencrypted })))
      }),
    fields: <Plain extends object, Stored extends object>(
      paths: readonly string[],
      options: FieldsOptions<Plain>,
    ) => fields<Plain, Stored>(cipher, paths, options),
  }
  return tenant
}

function toEncryptItem({ plaintext, ...rest }: EncryptInput): SentItem | KeyholdItemError {
  const bytes = plaintextBytes(plaintext)
  if (bytes.length > limits.maxItemPlaintextBytes) return tooLarge()
  return { ...rest, plaintext: encodeBase64(bytes) }
}

function toDecryptItem(item: DecryptInput): SentItem | KeyholdItemError {
  return item.token.length > 2 * limits.maxItemPlaintextBytes ? tooLarge() : item
}

// Found out here, as the server would refuse the whole request for its size.
function tooLarge(): KeyholdItemError {
  return new KeyholdItemError({ code: 'ERR_ITEM_TOO_LARGE', title: 'The item is too large.' })
}

async function inRequests<Value>(
  items: readonly (SentItem | KeyholdItemError)[],
  send: (request: SentItem[]) => Promise<ItemResult<Value>[]>,
): Promise<ItemResult<Value>[]> {
  const sendable: PlacedItem[] = []
  const results: ItemResult<Value>[] = []
  for (const [place, item] of items.entries()) {
    if (item instanceof KeyholdItemError) results[place] = { error: item }
    else sendable.push({ place, item })
  }
  for (const request of splitItems(sendable)) {
    const answers = await send(request.map(({ item }) => item))
    if (answers.length !== request.length)
      throw new KeyholdClientError('ERR_CLIENT_BAD_REPLY', 'the answer has another number of items')
    for (const [index, answer] of answers.entries()) results[request[index]?.place ?? 0] = answer
  }
  return results
}

interface Refused {
  error: { code: string; title: string; detail?: string }
}

function resultOf<Item extends object, Value>(
  item: Item | Refused,
  read: (item: Exclude<Item, Refused>) => Value,
): ItemResult<Value> {
  if ('error' in item) return { error: new KeyholdItemError(item.error) }
  return { value: read(item as Exclude<Item, Refused>) }
}
