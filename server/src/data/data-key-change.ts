// A change of a data key must also reach the caches, so that nobody goes on with what was read before.
import { KeyholdError } from '@keyhold/core'
import type { DataKeyCache } from '../keyring/data-key-cache.ts'
import type { DataKeyRow } from '../store/cipherkeys/data-keys.ts'
import type { Store } from '../store/store.ts'

export interface DataKeyChangeParts {
  store: Store
  dataKeys: DataKeyCache
  /** Tells the other replicas. If the message is lost, the TTL of their caches bounds the delay. */
  announce: (tenantId: string, dataKeyId: string) => void
}

/** Call this after the commit. A replica drops what it read before as soon as it hears of the change. */
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
