// Opens a stored cipherkey with the tenant key that its row names.
import { KeyholdError, unwrapDataKey, verifyKeyCheckValue, type DataKey } from '@keyhold/core'
import type { UsableCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { HeldTenantKey, TenantKeyCache } from './tenant-key-cache.ts'

export interface OpenedCipherkey {
  row: UsableCipherkeyRow
  dataKey: DataKey
  wrappedBy: HeldTenantKey
  /**
   * Until when it may be held, by the caller's clock: for the tenant's TTL after the reading, and never into the time in
   * which it may be destroyed, since data under a destroyed key can never be decrypted again. Its tenant key may end
   * sooner.
   */
  validUntilMs: number
}

// A margin for clocks that do not run alike, and for requests that are running when the time comes. Long bodies may run
// longer; their keys are asked for once more before the answer.
const beforeDestructionMs = 5_000

/**
 * Reads and opens a cipherkey; undefined when there is none.
 *
 * @param minRemainingShare - from 0 to 1: the tenant key is unwrapped anew when less of its time is left
 * @throws KeyholdError `ERR_KEY_INTEGRITY`, and the errors of the tenant's KMS
 */
export async function openCipherkey(
  parts: { tenantKeys: TenantKeyCache; clock: () => number },
  read: () => Promise<UsableCipherkeyRow | undefined>,
  minRemainingShare = 0,
): Promise<OpenedCipherkey | undefined> {
  // It is read a second time if a cutover destroyed the tenant key version after the first reading.
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
