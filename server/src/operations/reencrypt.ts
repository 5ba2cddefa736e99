// Re-encrypting a batch of tokens: old data under the active data key of the same name. The plaintext does not leave.
import { encryptValue, isKeyholdError, type KeyholdError } from '@keyhold/core'
import type { DataKeyCache } from '../keyring/data-key-cache.ts'
import type { Store } from '../store/store.ts'
import { decrypt, type TokenItem } from './decrypt.ts'
import { outcomeOf, type ItemOutcome } from './item-outcome.ts'

export interface ReencryptedToken {
  token: string
  /** False: the token was under the active data key already, and is answered as it came. */
  reencrypted: boolean
}

/** A checked item, and its token as it came. */
export interface ReencryptItem extends TokenItem {
  text: string
}

/**
 * Brings each token under the active data key of its data key's name, or of `defaultKeyName` where a lease made it.
 * Every token is opened first, also one that stays as it is.
 *
 * @throws KeyholdError what concerns the whole tenant
 */
export async function reencrypt(
  { store, dataKeys }: { store: Store; dataKeys: DataKeyCache },
  tenantId: string,
  items: ItemOutcome<ReencryptItem>[],
  defaultKeyName: string,
): Promise<ItemOutcome<ReencryptedToken>[]> {
  const plaintexts = await decrypt(dataKeys, tenantId, items)
  const keyNames = new Map<string, string>()
  const outcomes: ItemOutcome<ReencryptedToken>[] = []
  for (const [index, item] of items.entries()) {
    const plaintext = plaintexts[index]
    if ('error' in item || plaintext === undefined || 'error' in plaintext) {
      outcomes.push('error' in item ? item : (plaintext as { error: KeyholdError }))
      continue
    }
    const { header } = item.value.token
    const keyName =
      keyNames.get(header.dataKeyId) ??
      (await store.cipherkeys.findKeyName(tenantId, header.dataKeyId)) ??
      defaultKeyName
    keyNames.set(header.dataKeyId, keyName)
    outcomes.push(await reencryptOne(dataKeys, tenantId, keyName, item.value, plaintext.value))
  }
  return outcomes
}

async function reencryptOne(
  dataKeys: DataKeyCache,
  tenantId: string,
  keyName: string,
  { text, token: { header }, context }: ReencryptItem,
  plaintext: Buffer,
): Promise<ItemOutcome<ReencryptedToken>> {
  try {
    const active = await dataKeys.getActive(tenantId, keyName)
    if (active.id === header.dataKeyId && active.version === header.version) {
      return { value: { token: text, reencrypted: false } }
    }
    return outcomeOf(() => ({ token: encryptValue(active, context, plaintext), reencrypted: true }))
  } catch (error) {
    // A damaged cipherkey, or a full quota, concerns this key name alone.
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY', 'ERR_KEY_NAME_QUOTA')) return { error }
    throw error
  } finally {
    plaintext.fill(0)
  }
}
