// From a stored cipherkey to its data key, by the tenant key that its row names.
import { KeyholdError, unwrapDataKey, verifyKeyCheckValue, type DataKey } from '@keyhold/core'
import type { UsableCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { HeldTenantKey, TenantKeyCache } from './tenant-key-cache.ts'

export interface OpenedCipherkey {
  row: UsableCipherkeyRow
  dataKey: DataKey
  wrappedBy: HeldTenantKey
  /**
   * Until when it may be held, by the caller's clock: its tenant's TTL from the reading on, and never into the time in
   * which it may be destroyed, since what is encrypted under a destroyed key opens never again. Its tenant key may end
   * sooner.
   */
  validUntilMs: number
}

// For clocks that do not run alike, and for what is under way when the time comes.
const beforeDestructionMs = 5_000

/**
 * Reads and opens a cipherkey; undefined when there is none.
 *
 * @param minRemainingShare - from 0 to 1: the tenant key is asked for anew when less of its time is left
 * @throws KeyholdError `ERR_KEY_INTEGRITY`, and what the tenant's KMS throws
 */
export async function openCipherkey(
  parts: { tenantKeys: TenantKeyCache; clock: () => number },
  read: () => Promise<UsableCipherkeyRow | undefined>,
  minRemainingShare = 0,
): Promise<OpenedCipherkey | undefined> {
  // A second reading: the first one's tenant key version may have been destroyed in between by a cutover.
  for (let reading = 0; reading < 2; reading++) {
    const readAtMs = parts.clock()
    const row = await read()
    if (row === undefined) return undefined
    const wrappedBy = await parts.tenantKeys.get(row.tenantId, row.tenantKeyVersion, minRemainingShare)
    if (wrappedBy === undefined) continue
    const dataKey = unwrapDataKey(
      wrappedBy.tenantKey,
      { tenantId: row.tenantId, id: row.dataKeyId, version: row.version },
      row.wrapped,
    )
    verifyKeyCheckValue(dataKey, row.keyCheckValue)
    const heldForMs = Math.min(wrappedBy.ttlMs, row.destroyInMs - beforeDestructionMs)
    return { row, dataKey, wrappedBy, validUntilMs: readAtMs + heldForMs }
  }
  throw new KeyholdError('ERR_KEY_INTEGRITY')
}
