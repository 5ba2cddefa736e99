// A tenant's handle: the server encrypts, decrypts and re-encrypts values.
import type { KeyholdCall } from './call-types.ts'
import { readSignal } from './checks/option-readers.ts'
import { optional, readOptions } from './checks/read-members.ts'
import { fields, type Fields, type FieldsOptions } from './fields/fields.ts'
import type { ItemResult } from './keyhold-item-error.ts'
import { createRemoteCipher, type Reencrypted } from './remote-cipher.ts'
import type { DecryptInput, SignalOption, ValueCipher } from './value-cipher.ts'
import {
  createValueMethods,
  readTokenItems,
  type DecryptOptions,
  type EncryptOptions,
} from './value-methods.ts'

/** Every call is sent again when the server is busy or away, as often as `maxRetries` says; default 3. */
export interface TenantClient extends ValueCipher {
  /** Undefined where the token names the tenant. */
  readonly id: string | undefined
  /** Calls one route for this tenant. */
  readonly call: KeyholdCall
  /**
   * Encrypts a value of at most 1 MiB to a token.
   *
   * @throws KeyholdClientError for a wrong argument; KeyholdItemError where this value is refused; KeyholdApiError
   * where the tenant is locked or the server refuses the request
   */
  encrypt(plaintext: string | Uint8Array, options?: EncryptOptions): Promise<string>
  /** @throws KeyholdItemError `ERR_DECRYPTION_FAILED`, for a wrong context and a changed token alike */
  decrypt(token: string, options?: DecryptOptions): Promise<Uint8Array<ArrayBuffer>>
  /** `decrypt` for values that were text. @throws KeyholdClientError `ERR_CLIENT_NOT_TEXT` for any that is not UTF-8 */
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
  const cipher = createRemoteCipher(call)
  return {
    id,
    call,
    ...createValueMethods(cipher),
    async reencryptMany(items, options) {
      const { signal } = readOptions(options, { signal: optional(readSignal) })
      return cipher.reencryptItems(readTokenItems(items), signal)
    },
    fields: <Plain extends object, Stored extends object>(
      paths: readonly string[],
      options: FieldsOptions<Plain>,
    ) => fields<Plain, Stored>(cipher, paths, options),
  }
}
