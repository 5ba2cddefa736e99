// Encrypts and decrypts values here, under leased data keys. The tokens are the same as the server's.
import {
  decryptValue,
  encryptValue,
  errorSummary,
  isKeyholdError,
  KeyholdError,
  normalFormHint,
  parseToken,
  type DataKey,
  type EncryptionContext,
  type ParsedToken,
} from '@keyhold/core'
import { wrongMember } from '../checks/wrong-member.ts'
import type { ItemCipher, PlainItem } from '../item-cipher.ts'
import { KeyholdApiError } from '../keyhold-api-error.ts'
import { KeyholdItemError, type ItemResult } from '../keyhold-item-error.ts'
import type { DataKeyLeases } from './data-key-leases.ts'

// A token is a string, and strings have at most some 536 million characters. Larger content belongs in files.
const maxPlaintextBytes = 256 * 1_048_576

export function createLocalCipher(leases: DataKeyLeases): ItemCipher {
  return {
    maxPlaintextBytes,
    readKeyName: refuseKeyName,

    async encryptItems(items, signal) {
      signal?.throwIfAborted()
      // Without a good item no key is leased.
      const lease = items.some(isGood) ? await leases.forEncryption(signal) : undefined
      return items.map((item) => {
        if (item.error !== undefined || lease === undefined) return { error: item.error ?? failed() }
        return attempt(() => encryptItem(lease.key.dataKey, item.value))
      })
    },

    async decryptItems(items, signal) {
      signal?.throwIfAborted()
      const tokens = items.map((item) =>
        item.error === undefined ? attempt(() => parseToken(item.value.token)) : item,
      )
      // One after the other, and each once: a list has few data keys, mostly one.
      const dataKeys = new Map<string, ItemResult<DataKey>>()
      for (const { value: token } of tokens) {
        const name = token?.headerBytes.toString('hex')
        if (token === undefined || name === undefined || dataKeys.has(name)) continue
        dataKeys.set(name, await dataKeyOf(leases, token.headerBytes, signal))
      }
      return tokens.map((token, index) => {
        if (token.error !== undefined) return token
        const parsed = token.value
        const dataKey = dataKeys.get(parsed.headerBytes.toString('hex'))
        if (dataKey?.value === undefined) return { error: dataKey?.error ?? failed() }
        const { value: key } = dataKey
        const context = items[index]?.value?.context ?? {}
        return attempt(() => new Uint8Array(decryptItem(key, context, parsed)))
      })
    },
  }
}

/** A name that is ignored would promise that destroying it destroys the value. */
function refuseKeyName(value: unknown, member: string): undefined {
  if (value === undefined) return undefined
  const expected = 'nothing: a key that is leased for local encryption has no name'
  throw wrongMember('ERR_CLIENT_OPTION_UNKNOWN', member, expected)
}

function isGood({ error }: ItemResult<unknown>): boolean {
  return error === undefined
}

function encryptItem(dataKey: DataKey, { plaintext, context = {} }: PlainItem): string {
  return encryptValue(dataKey, context, plaintext)
}

function decryptItem(dataKey: DataKey, context: EncryptionContext, token: ParsedToken): Buffer {
  const tryWith = (pairs: EncryptionContext): Buffer | undefined => {
    try {
      return decryptValue(dataKey, pairs, token)
    } catch (error) {
      if (!isKeyholdError(error, 'ERR_DECRYPTION_FAILED')) throw error
      return undefined
    }
  }
  const plaintext = tryWith(context)
  if (plaintext !== undefined) return plaintext
  const hint = normalFormHint(context, (other) => {
    const opened = tryWith(other)?.fill(0)
    return opened !== undefined
  })
  throw new KeyholdError('ERR_DECRYPTION_FAILED', hint === undefined ? {} : { message: hint })
}

async function dataKeyOf(
  leases: DataKeyLeases,
  header: Buffer,
  signal: AbortSignal | undefined,
): Promise<ItemResult<DataKey>> {
  try {
    return { value: (await leases.forHeader(header, signal)).key.dataKey }
  } catch (error) {
    // A missing key concerns this item alone; a locked tenant concerns all of them.
    if (!(error instanceof KeyholdApiError) || error.status !== 400) throw error
    const { code, title, detail } = error
    return { error: new KeyholdItemError({ code, title, detail }) }
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

function failed(): KeyholdItemError {
  return refusal('ERR_DECRYPTION_FAILED')
}

function refusal(code: Parameters<typeof errorSummary>[0], message?: string): KeyholdItemError {
  const title = errorSummary(code)
  return new KeyholdItemError({ code, title, detail: message === title ? undefined : message })
}
