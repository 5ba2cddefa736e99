// Re-encrypts a batch of tokens: old data under the active data key of the same name. The plaintext does not leave
// the server.
import { encryptValue, isKeyholdError, type DataKey, type KeyholdError } from '@keyhold/core'
import { giveWay } from '../event-loop/give-way.ts'
import { isSliceOver } from '../event-loop/slice.ts'
import type { DataKeyCache } from '../keyring/data-key-cache.ts'
import { leaseKeyName } from '../keyring/lease-key-name.ts'
import type { Store } from '../store/store.ts'
import { decrypt, type TokenItem } from './decrypt.ts'
import { outcomeOf, type ItemOutcome } from './item-outcome.ts'

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
  { store, dataKeys }: { store: Store; dataKeys: DataKeyCache },
  tenantId: string,
  items: ItemOutcome<ReencryptItem>[],
  defaultKeyName: string,
): Promise<ItemOutcome<ReencryptedToken>[]> {
  const plaintexts = await decrypt(dataKeys, tenantId, items)
  const keyNames = new Map<string, string>()
  // The request looks up each active data key once, even where nothing is cached.
  const actives = new Map<string, Promise<DataKey>>()
  const getActive = (keyName: string) => {
    const active = actives.get(keyName) ?? dataKeys.getActive(tenantId, keyName)
    actives.set(keyName, active)
    return active
  }
  const outcomes: ItemOutcome<ReencryptedToken>[] = []
  let sliceStartMs = performance.now()
  for (const [index, item] of items.entries()) {
    // Keys that are in memory are answered without a turn for others.
    if (isSliceOver(sliceStartMs)) {
      await giveWay()
      sliceStartMs = performance.now()
    }
    const plaintext = plaintexts[index]
    if ('error' in item || plaintext === undefined || 'error' in plaintext) {
      outcomes.push('error' in item ? item : (plaintext as { error: KeyholdError }))
      continue
    }
    const { header } = item.value.token
    const keyName =
      keyNames.get(header.dataKeyId) ??
      unlessLease(await store.cipherkeys.findKeyName(tenantId, header.dataKeyId)) ??
      defaultKeyName
    keyNames.set(header.dataKeyId, keyName)
    outcomes.push(reencryptOne(await outcomeOfKey(getActive(keyName)), item.value, plaintext.value))
  }
  return outcomes
}

/** Undefined for a token from a lease, also from the time when leases had data keys without names. */
function unlessLease(keyName: string | undefined): string | undefined {
  return keyName === leaseKeyName ? undefined : keyName
}

// A damaged cipherkey or a full quota concerns only this key name.
async function outcomeOfKey(active: Promise<DataKey>): Promise<ItemOutcome<DataKey>> {
  try {
    return { value: await active }
  } catch (error) {
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY', 'ERR_KEY_NAME_QUOTA')) return { error }
    throw error
  }
}

function reencryptOne(
  active: ItemOutcome<DataKey>,
  { text, token: { header }, context }: ReencryptItem,
  plaintext: Buffer,
): ItemOutcome<ReencryptedToken> {
  try {
    if ('error' in active) return active
    const { value: dataKey } = active
    if (dataKey.id === header.dataKeyId && dataKey.version === header.version) {
      return { value: { token: text, reencrypted: false } }
    }
    return outcomeOf(() => ({ token: encryptValue(dataKey, context, plaintext), reencrypted: true }))
  } finally {
    plaintext.fill(0)
  }
}
