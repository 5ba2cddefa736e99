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
  if (missing.size > 0) {
    const load = async ([name, token]: [string, ParsedToken]) =>
      byId.set(name, await getDataKey(dataKeys, tenantId, token))
    await Promise.all(Array.from(missing, load))
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
    // A damaged cipherkey, and a version below the minimum, concern the items of this data key alone.
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY', 'ERR_KEY_VERSION_RETIRED')) return error
    throw error
  }
}
