// Makes a data key as it is stored. Its bytes leave this function only wrapped.
import { generateKey, keyCheckValue, wrapDataKey, type TenantKey } from '@keyhold/core'
import type { CipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import { newId } from './new-id.ts'

/** @param previous - the version that the new one follows; undefined: the first version of a new data key */
export function newCipherkey(
  tenantKey: TenantKey,
  previous?: { dataKeyId: string; version: number },
): CipherkeyRow {
  const dataKey = {
    tenantId: tenantKey.tenantId,
    id: previous?.dataKeyId ?? newId(),
    version: (previous?.version ?? 0) + 1,
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
