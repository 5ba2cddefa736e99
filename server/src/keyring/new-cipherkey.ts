// Makes a data key as it is stored. Its bytes leave this function only wrapped.
import { generateKey, keyCheckValue, wrapDataKey, type TenantKey } from '@keyhold/core'
import type { NewCipherkey } from '../store/cipherkeys/cipherkeys.ts'

export interface DataKeyToMake {
  dataKeyId: string
  /** 1 for a new data key, else one more than the version before. */
  version: number
  keyName: string
  /** By the database's clock: the wrap binds it, so that it is known before the row is inserted. */
  createdAt: Date
}

export function newCipherkey(
  tenantKey: TenantKey,
  { dataKeyId, version, keyName, createdAt }: DataKeyToMake,
): NewCipherkey {
  const dataKey = {
    tenantId: tenantKey.tenantId,
    id: dataKeyId,
    version,
    key: generateKey(),
  }
  const facts = { keyName, createdAtMs: createdAt.getTime() }
  return {
    ...facts,
    tenantId: dataKey.tenantId,
    dataKeyId: dataKey.id,
    version: dataKey.version,
    tenantKeyVersion: tenantKey.version,
    wrapped: wrapDataKey(tenantKey, dataKey, facts),
    keyCheckValue: keyCheckValue(dataKey),
  }
}
