// Re-encrypts a batch of tokens: old data under the active data key of the same name. The plaintext does not leave
// the server.
import { encryptValue, isKeyholdError } from '@keyhold/core'
import { mapInSlices } from '../event-loop/map-in-slices.ts'
import { leaseKeyName } from '../keyring/lease-key-name.ts'
import { decrypt, type TokenItem } from './decrypt.ts'
import { outcomeOf, type ItemOutcome } from './item-outcome.ts'
import type { KeyOutcome, RequestKeys } from './request-keys.ts'

export interface ReencryptedToken {
  token: string
  /** False: the token was under the active data key already and is returned unchanged. */
  reencrypted: boolean
}

/** A checked item, and its token as it came. */
export interface ReencryptItem extends TokenItem {
  text: string
}

/**
 * Brings each token under the active data key of its data key's name, or of `defaultKeyName` where a lease made it.
 * Every token is decrypted first, even one that stays as it is, so that a token below the minimum version is refused.
 *
 * @throws KeyholdError for a fault that concerns the whole tenant
 */
export async function reencrypt(
  keys: RequestKeys,
  items: ItemOutcome<ReencryptItem>[],
  defaultKeyName: string,
): Promise<ItemOutcome<ReencryptedToken>[]> {
  const plaintexts = await decrypt(keys, items)
  try {
    const dataKeyIds = new Set<string>()
    for (const [index, item] of items.entries()) {
      if ('value' in item && 'value' in plaintextAt(plaintexts, index))
        dataKeyIds.add(item.value.token.header.dataKeyId)
    }
    const names = await keys.keyNames(dataKeyIds)
    const keyNameOf = (dataKeyId: string) => unlessLease(names.get(dataKeyId)) ?? defaultKeyName
    const actives = await keys.actives(new Set(Array.from(dataKeyIds, keyNameOf)))
    return await mapInSlices(items, (item, index) => {
      if ('error' in item) return item
      const plaintext = plaintextAt(plaintexts, index)
      if ('error' in plaintext) return plaintext
      const active = actives.get(keyNameOf(item.value.token.header.dataKeyId))
      if (active === undefined) throw new TypeError('every key name has an entry')
      return reencryptOne(active, item.value, plaintext.value)
    })
  } finally {
    for (const plaintext of plaintexts) if ('value' in plaintext) plaintext.value.fill(0)
  }
}

function plaintextAt(plaintexts: ItemOutcome<Buffer>[], index: number): ItemOutcome<Buffer> {
  const plaintext = plaintexts[index]
  if (plaintext === undefined) throw new TypeError('every item has an outcome')
  return plaintext
}

/** Undefined for a token from a lease, also from the time when leases had data keys without names. */
function unlessLease(keyName: string | undefined): string | undefined {
  return keyName === leaseKeyName ? undefined : keyName
}

function reencryptOne(
  active: KeyOutcome,
  { text, token: { header }, context }: ReencryptItem,
  plaintext: Buffer,
): ItemOutcome<ReencryptedToken> {
  if (isKeyholdError(active)) return { error: active }
  if (active.id === header.dataKeyId && active.version === header.version) {
    return { value: { token: text, reencrypted: false } }
  }
  return outcomeOf(() => ({ token: encryptValue(active, context, plaintext), reencrypted: true }))
}
