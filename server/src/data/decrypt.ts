// Decrypts a batch of tokens for one tenant. The tenant comes from the caller alone: a token of another tenant
// names a data key that this tenant does not have, and fails like any other.
import {
  decryptValue,
  isKeyholdError,
  type EncryptionContext,
  type Header,
  type ParsedToken,
} from '@keyhold/core'
import { andThen } from '../event-loop/and-then.ts'
import { mapInSlices } from '../event-loop/map-in-slices.ts'
import { outcomeOf, type ItemOutcome } from './item-outcome.ts'
import type { RequestKeys } from './request-keys.ts'

export interface TokenItem {
  token: ParsedToken
  context: EncryptionContext
}

/**
 * Decrypts each item. A few items under keys that are in memory are answered at once, without a promise.
 *
 * @param items - checked items, or what is wrong with them; the answer has the same order
 * @throws KeyholdError for a fault that concerns the whole tenant
 */
export function decrypt(
  keys: Pick<RequestKeys, 'named'>,
  items: ItemOutcome<TokenItem>[],
): ItemOutcome<Buffer>[] | Promise<ItemOutcome<Buffer>[]> {
  const headers = new Map<string, Header>()
  for (const item of items) {
    if (!('error' in item)) headers.set(dataKeyName(item.value.token), item.value.token.header)
  }
  return andThen(keys.named(headers), (byName) =>
    mapInSlices(items, (item) => {
      if ('error' in item) return item
      const dataKey = byName.get(dataKeyName(item.value.token))
      if (dataKey === undefined) throw new TypeError('every data key has an entry')
      if (isKeyholdError(dataKey)) return { error: dataKey }
      return outcomeOf(() => decryptValue(dataKey, item.value.context, item.value.token))
    }),
  )
}

function dataKeyName({ header }: ParsedToken): string {
  return `${header.dataKeyId}/${header.version}`
}
