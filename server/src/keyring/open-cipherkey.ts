// From a stored cipherkey to its data key, by the tenant key that its row names.
import { KeyholdError, unwrapDataKey, verifyKeyCheckValue, type DataKey } from '@keyhold/core'
import type { CipherkeyRow } from '../store/cipherkeys.ts'
import type { HeldTenantKey, TenantKeyCache } from './tenant-key-cache.ts'

export interface OpenedCipherkey {
  row: CipherkeyRow
  dataKey: DataKey
  wrappedBy: HeldTenantKey
  /** When the reading began, by the caller's clock. */
  readAtMs: number
}

/**
 * Reads and opens a cipherkey; undefined when there is none.
 *
 * @param minRemainingMs - the tenant key is asked for anew when less of its time is left
 * @throws KeyholdError `ERR_KEY_INTEGRITY`, and what the tenant's KMS throws
 */
export async function openCipherkey(
  parts: { tenantKeys: TenantKeyCache; clock: () => number },
  read: () => Promise<CipherkeyRow | undefined>,
  minRemainingMs = 0,
): Promise<OpenedCipherkey | undefined> {
  // A second reading: the first one's tenant key version may have been destroyed in between by a cutover.
  for (let reading = 0; reading < 2; reading++) {
    const readAtMs = parts.clock()
    const row = await read()
    if (row === undefined) return undefined
    const wrappedBy = await parts.tenantKeys.get(row.tenantId, row.tenantKeyVersion, minRemainingMs)
    if (wrappedBy === undefined) continue
    const dataKey = unwrapDataKey(
      wrappedBy.tenantKey,
      { tenantId: row.tenantId, id: row.dataKeyId, version: row.version },
      row.wrapped,
    )
    verifyKeyCheckValue(dataKey, row.keyCheckValue)
    return { row, dataKey, wrappedBy, readAtMs }
  }
  throw new KeyholdError('ERR_KEY_INTEGRITY')
}
