// Encrypts a batch of values for one tenant.
import {
  encryptValue,
  isKeyholdError,
  type DataKey,
  type EncryptionContext,
  type KeyholdError,
} from '@keyhold/core'
import type { DataKeyCache } from '../keyring/data-key-cache.ts'
import { mapInSlices } from '../event-loop/map-in-slices.ts'
import { andThen } from '../event-loop/and-then.ts'
import { outcomeOf, type ItemOutcome } from './item-outcome.ts'

export interface PlainItem {
  plaintext: Buffer
  keyName: string
  context: EncryptionContext
}

/**
 * Encrypts each item under the active data key of its name, which is made and committed first if there is none. A few
 * items under keys that are in memory are answered at once, without a promise.
 *
 * @param items - checked items, or what is wrong with them; the answer has the same order
 * @throws KeyholdError for a fault that concerns the whole tenant
 */
export function encrypt(
  dataKeys: DataKeyCache,
  tenantId: string,
  items: ItemOutcome<PlainItem>[],
): ItemOutcome<string>[] | Promise<ItemOutcome<string>[]> {
  return andThen(getActives(dataKeys, tenantId, items), (byKeyName) =>
    mapInSlices(items, (item) => {
      if ('error' in item) return item
      const dataKey = byKeyName.get(item.value.keyName)
      if (dataKey === undefined) throw new TypeError('every key name has an entry')
      if (isKeyholdError(dataKey)) return { error: dataKey }
      return outcomeOf(() => encryptValue(dataKey, item.value.context, item.value.plaintext))
    }),
  )
}

type KeysByName = Map<string, DataKey | KeyholdError>

function getActives(
  dataKeys: DataKeyCache,
  tenantId: string,
  items: ItemOutcome<PlainItem>[],
): KeysByName | Promise<KeysByName> {
  const byKeyName: KeysByName = new Map()
  const missing = new Set<string>()
  for (const item of items) {
    if ('error' in item || byKeyName.has(item.value.keyName)) continue
    const { keyName } = item.value
    const held = dataKeys.findHeldActive(tenantId, keyName)
    if (held === undefined) missing.add(keyName)
    else byKeyName.set(keyName, held)
  }
  if (missing.size === 0) return byKeyName
  const load = async (keyName: string) => byKeyName.set(keyName, await getActive(dataKeys, tenantId, keyName))
  return Promise.all(Array.from(missing, load)).then(() => byKeyName)
}

// A damaged cipherkey or a full quota concerns only the items of its key name.
async function getActive(
  dataKeys: DataKeyCache,
  tenantId: string,
  keyName: string,
): Promise<DataKey | KeyholdError> {
  try {
    return await dataKeys.getActive(tenantId, keyName)
  } catch (error) {
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY', 'ERR_KEY_NAME_QUOTA')) return error
    throw error
  }
}
