// What a change of a data key needs besides the rows: that nobody goes on with what was read before.
import { KeyholdError } from '@keyhold/core'
import type { DataKeyCache } from '../keyring/data-key-cache.ts'
import type { DataKeyRow } from '../store/cipherkeys/data-keys.ts'
import type { Store } from '../store/store.ts'

export interface DataKeyChangeParts {
  store: Store
  dataKeys: DataKeyCache
  /** Tells the other replicas. A word that is lost is made up for by their caches' TTL. */
  announce: (tenantId: string, dataKeyId: string) => void
}

/** To be called after the commit: no replica holds what it read before, as soon as it hears of it. */
export function dataKeyChanged(
  { dataKeys, announce }: DataKeyChangeParts,
  tenantId: string,
  dataKeyId: string,
): void {
  dataKeys.evict(tenantId, dataKeyId)
  announce(tenantId, dataKeyId)
}

/** @throws KeyholdError `ERR_KEY_NAME_NOT_FOUND` */
export async function getDataKeyRow(store: Store, tenantId: string, keyName: string): Promise<DataKeyRow> {
  const row = await store.dataKeys.find(tenantId, keyName)
  if (row === undefined) throw new KeyholdError('ERR_KEY_NAME_NOT_FOUND')
  return row
}
