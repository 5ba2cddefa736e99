// Values encrypted here, under leased data keys: the tokens are those that the server makes and takes.
import {
  checkEncryptionContext,
  decryptValue,
  encryptValue,
  errorSummary,
  isKeyholdError,
  parseToken,
  type DataKey,
} from '@keyhold/core'
import { KeyholdApiError } from '../keyhold-api-error.ts'
import { KeyholdItemError, type ItemResult } from '../keyhold-item-error.ts'
import { plaintextBytes, type EncryptInput, type ValueCipher } from '../value-cipher.ts'
import type { DataKeyLeases } from './data-key-leases.ts'

export function createLocalValues(leases: DataKeyLeases): ValueCipher {
  return {
    async encryptMany(items, { signal } = {}) {
      signal?.throwIfAborted()
      if (items.length === 0) return []
      const lease = await leases.forEncryption(signal)
      return items.map((item) => attempt(() => encryptItem(lease.key.dataKey, item)))
    },

    async decryptMany(items, { signal } = {}) {
      signal?.throwIfAborted()
      const tokens = items.map(({ token }) => attempt(() => parseToken(token)))
      // One at a time and each once: a list has few data keys, mostly one.
      const dataKeys = new Map<string, ItemResult<DataKey>>()
      for (const { value: token } of tokens) {
        const name = token?.headerBytes.toString('hex')
        if (token === undefined || name === undefined || dataKeys.has(name)) continue
        dataKeys.set(name, await dataKeyOf(leases, token.headerBytes, signal))
      }
      return items.map(({ context }, index) => {
        const token = tokens[index]
        if (token?.value === undefined) return { error: token?.error ?? refusal('ERR_TOKEN_INVALID') }
        const parsed = token.value
        const dataKey = dataKeys.get(parsed.headerBytes.toString('hex'))
        if (dataKey?.value === undefined) return { error: dataKey?.error ?? refusal('ERR_DECRYPTION_FAILED') }
        const { value: key } = dataKey
        return attempt(() => new Uint8Array(decryptValue(key, checkEncryptionContext(context), parsed)))
      })
    },
  }
}

function encryptItem(dataKey: DataKey, { plaintext, context, keyName }: EncryptInput): string {
  if (keyName !== undefined)
    throw new TypeError('"keyName" expected nothing: a key that is leased for local encryption has no name')
  return encryptValue(dataKey, checkEncryptionContext(context), plaintextBytes(plaintext))
}

async function dataKeyOf(
  leases: DataKeyLeases,
  header: Buffer,
  signal: AbortSignal | undefined,
): Promise<ItemResult<DataKey>> {
  try {
    return { value: (await leases.forHeader(header, signal)).key.dataKey }
  } catch (error) {
    // Only that there is no such key concerns the item alone; that the tenant is locked concerns everything.
    if (error instanceof KeyholdApiError && error.status === 400)
      return { error: new KeyholdItemError(error) }
    throw error
  }
}

function attempt<Value>(action: () => Value): ItemResult<Value> {
  try {
    return { value: action() }
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    return { error: refusal(error.code, error.message) }
  }
}

function refusal(code: Parameters<typeof errorSummary>[0], message?: string): KeyholdItemError {
  const title = errorSummary(code)
  return new KeyholdItemError({ code, title, detail: message === title ? undefined : message })
}
