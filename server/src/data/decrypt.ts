// Decrypts a batch of tokens for one tenant. The tenant comes from the caller alone: a token of another tenant
// names a data key that this tenant does not have, and fails like any other.
import {
  decryptValue,
  isKeyholdError,
  KeyholdError,
  type DataKey,
  type EncryptionContext,
  type ParsedToken,
} from '@keyhold/core'
import type { DataKeyCache } from '../keyring/data-key-cache.ts'
import { mapInSlices } from '../event-loop/map-in-slices.ts'
import { andThen } from '../event-loop/and-then.ts'
import { outcomeOf, type ItemOutcome } from './item-outcome.ts'

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
  dataKeys: DataKeyCache,
  tenantId: string,
  items: ItemOutcome<TokenItem>[],
): ItemOutcome<Buffer>[] | Promise<ItemOutcome<Buffer>[]> {
  return andThen(getAll(dataKeys, tenantId, items), (byId) =>
    mapInSlices(items, (item) => {
      if ('error' in item) return item
      const dataKey = byId.get(dataKeyName(item.value.token))
      if (dataKey === undefined) throw new TypeError('every data key has an entry')
      if (isKeyholdError(dataKey)) return { error: dataKey }
      return outcomeOf(() => decryptValue(dataKey, item.value.context, item.value.token))
    }),
  )
}

type KeysById = Map<string, DataKey | KeyholdError>

function getAll(
  dataKeys: DataKeyCache,
  tenantId: string,
  items: ItemOutcome<TokenItem>[],
): KeysById | Promise<KeysById> {
  const byId: KeysById = new Map()
  const missing = new Map<string, ParsedToken>()
  for (const item of items) {
    if ('error' in item) continue
    const { token } = item.value
    const name = dataKeyName(token)
    if (byId.has(name)) continue
    const held = dataKeys.findHeld(tenantId, token.header.dataKeyId, token.header.version)
    if (held === undefined) missing.set(name, token)
    else byId.set(name, held)
  }
  if (missing.size === 0) return byId
  const load = async ([name, token]: [string, ParsedToken]) =>
    byId.set(name, await getDataKey(dataKeys, tenantId, token))
  return Promise.all(Array.from(missing, load)).then(() => byId)
}

function dataKeyName({ header }: ParsedToken): string {
  return `${header.dataKeyId}/${header.version}`
}

async function getDataKey(
  dataKeys: DataKeyCache,
  tenantId: string,
  { header }: ParsedToken,
): Promise<DataKey | KeyholdError> {
  try {
    return (
      (await dataKeys.get(tenantId, header.dataKeyId, header.version)) ??
      new KeyholdError('ERR_DECRYPTION_FAILED')
    )
  } catch (error) {
    // A damaged cipherkey and a version below the minimum concern only the items of this data key.
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY', 'ERR_KEY_VERSION_RETIRED')) return error
    throw error
  }
}
