// Decrypting a batch of tokens for one tenant. The tenant comes from the caller alone: a token of another tenant
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
import { mapInSlices } from '../keyring/map-in-slices.ts'
import { outcomeOf, type ItemOutcome } from './item-outcome.ts'

export interface TokenItem {
  token: ParsedToken
  context: EncryptionContext
}

/**
 * Decrypts each item.
 *
 * @param items - checked items, or what is wrong with them; the answer has the same order
 * @throws KeyholdError what concerns the whole tenant
 */
export async function decrypt(
  dataKeys: DataKeyCache,
  tenantId: string,
  items: ItemOutcome<TokenItem>[],
): Promise<ItemOutcome<Buffer>[]> {
  const byId = new Map<string, DataKey | KeyholdError>()
  for (const item of items) {
    if ('error' in item) continue
    const name = dataKeyName(item.value.token)
    if (!byId.has(name)) byId.set(name, await getDataKey(dataKeys, tenantId, item.value.token))
  }
  return mapInSlices(items, (item) => {
    if ('error' in item) return item
    const dataKey = byId.get(dataKeyName(item.value.token))
    if (dataKey === undefined) throw new TypeError('every data key has an entry')
    if (isKeyholdError(dataKey)) return { error: dataKey }
    return outcomeOf(() => decryptValue(dataKey, item.value.context, item.value.token))
  })
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
    // A damaged cipherkey concerns the items of its data key alone.
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY')) return error
    throw error
  }
}
