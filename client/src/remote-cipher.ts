// Values encrypted, decrypted and re-encrypted by the server, in as few requests as possible.
import { limits } from '@keyhold/contract'
import { decodeBase64, encodeBase64 } from './base64.ts'
import type { KeyholdCall } from './call-types.ts'
import { optional } from './checks/read-members.ts'
import { readKeyName } from './checks/read-name.ts'
import { tooLarge } from './checks/read-plaintext.ts'
import type { ItemCipher, PlainItem, TokenItem } from './item-cipher.ts'
import type { ItemResult } from './keyhold-item-error.ts'
import { readItemReply } from './read-item-reply.ts'
import { splitItems, type PlacedItem, type SentItem } from './split-items.ts'

/** A token under the active data key, and whether it differs from the one that was given. */
export interface Reencrypted {
  token: string
  reencrypted: boolean
}

export interface RemoteCipher extends ItemCipher {
  reencryptItems(
    items: readonly ItemResult<TokenItem>[],
    signal: AbortSignal | undefined,
  ): Promise<ItemResult<Reencrypted>[]>
}

type Answer = Readonly<Record<string, unknown>>

export function createRemoteCipher(call: KeyholdCall): RemoteCipher {
  async function inRequests<Value>(
    route: 'encrypt' | 'decrypt' | 'reencrypt',
    items: readonly ItemResult<SentItem>[],
    signal: AbortSignal | undefined,
    read: (answer: Answer) => Value | undefined,
  ): Promise<ItemResult<Value>[]> {
    const sendable: PlacedItem[] = []
    const results: ItemResult<Value>[] = []
    for (const [place, { value, error }] of items.entries()) {
      if (error === undefined) sendable.push({ place, item: value })
      else results[place] = { error }
    }
    for (const request of splitItems(sendable)) {
      const sent = request.map(({ item }) => item)
      const { body } = await call(route, { body: { items: sent }, ...(signal && { signal }) })
      const answers = readItemReply(body, request.length, read)
      for (const [index, answer] of answers.entries()) results[request[index]?.place ?? 0] = answer
    }
    return results
  }

  return {
    maxPlaintextBytes: limits.maxItemPlaintextBytes,
    readKeyName: optional(readKeyName),
    // Every item is in base64 before the first request is sent.
    encryptItems: (items, signal) =>
      inRequests('encrypt', items.map(toEncryptItem), signal, ({ token }) => stringOf(token)),
    decryptItems: (items, signal) =>
      inRequests('decrypt', items.map(toDecryptItem), signal, ({ plaintext }) => decodeBase64(plaintext)),
    reencryptItems: (items, signal) =>
      inRequests('reencrypt', items.map(toDecryptItem), signal, ({ token, reencrypted }) =>
        typeof token === 'string' && typeof reencrypted === 'boolean' ? { token, reencrypted } : undefined,
      ),
  }
}

function toEncryptItem({ value, error }: ItemResult<PlainItem>): ItemResult<SentItem> {
  if (error !== undefined) return { error }
  const { plaintext, ...rest } = value
  return { value: { ...rest, plaintext: encodeBase64(plaintext) } }
}

function toDecryptItem(item: ItemResult<TokenItem>): ItemResult<SentItem> {
  const isTooLong = (item.value?.token.length ?? 0) > 2 * limits.maxItemPlaintextBytes
  return isTooLong ? { error: tooLarge() } : item
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
