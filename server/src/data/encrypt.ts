// Encrypts a batch of values for one tenant.
import { encryptValue, isKeyholdError, type EncryptionContext } from '@keyhold/core'
import { andThen } from '../event-loop/and-then.ts'
import { mapInSlices } from '../event-loop/map-in-slices.ts'
import { outcomeOf, type ItemOutcome } from './item-outcome.ts'
import type { RequestKeys } from './request-keys.ts'

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
  keys: Pick<RequestKeys, 'actives'>,
  items: ItemOutcome<PlainItem>[],
): ItemOutcome<string>[] | Promise<ItemOutcome<string>[]> {
  const keyNames = new Set<string>()
  for (const item of items) if (!('error' in item)) keyNames.add(item.value.keyName)
  return andThen(keys.actives(keyNames), (byKeyName) =>
    mapInSlices(items, (item) => {
      if ('error' in item) return item
      const dataKey = byKeyName.get(item.value.keyName)
      if (dataKey === undefined) throw new TypeError('every key name has an entry')
      if (isKeyholdError(dataKey)) return { error: dataKey }
      return outcomeOf(() => encryptValue(dataKey, item.value.context, item.value.plaintext))
    }),
  )
}
