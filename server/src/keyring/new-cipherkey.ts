// Makes a data key as it is stored. Its bytes leave this function only wrapped.
import { generateKey, keyCheckValue, wrapDataKey, type TenantKey } from '@keyhold/core'
import type { CipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'

/** @param version - 1 for a new data key, else one more than the version before */
export function newCipherkey(tenantKey: TenantKey, dataKeyId: string, version: number): CipherkeyRow {
  const dataKey = {
    tenantId: tenantKey.tenantId,
    id: dataKeyId,
    version,
    key: generateKey(),
  }
  return {
    tenantId: dataKey.tenantId,
    dataKeyId: dataKey.id,
    version: dataKey.version,
    tenantKeyVersion: tenantKey.version,
    wrapped: wrapDataKey(tenantKey, dataKey),
    keyCheckValue: keyCheckValue(dataKey),
  }
}
