// The version of a data key before its next one. Under a tenant key of format 2 the next version will prove its name, so that
// nobody may bring a data key under the name of another one between the two: the version before has to open under the name.
import { isErrorOfKind } from '@keyhold/core'
import type { ActiveCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import { faultOfActive } from './fault-of-active.ts'
import { openCipherkey } from './open-cipherkey.ts'
import type { TenantKeyCache } from './tenant-key-cache.ts'

export interface OpenPreviousParts {
  store: Store
  tenantKeys: TenantKeyCache
  /** A monotonic clock in milliseconds. */
  clock: () => number
}

/**
 * Answers the active version of a name; undefined: the tenant has no such name.
 *
 * @param options - with `mayBeRetired` also one below the minimum version
 * @throws KeyholdError `ERR_KEY_INTEGRITY` and the errors of the tenant's KMS when it does not open, unless it was accepted
 * as unreadable in a key job: then its name gets a new version all the same
 */
export async function openPrevious(
  { store, tenantKeys, clock }: OpenPreviousParts,
  tenantId: string,
  keyName: string,
  { mayBeRetired = false } = {},
): Promise<ActiveCipherkeyRow | undefined> {
  const fence = await store.tenants.findFence(tenantId)
  const active = fence && (await store.tenantKeys.find(tenantId, fence.activeTenantKeyVersion))
  // Under format 1 the next version proves nothing either.
  if (active?.format !== 2) return read()
  let last: ActiveCipherkeyRow | undefined
  try {
    const parts = { tenantKeys, clock, macs: store.macs }
    await openCipherkey(parts, async () => (last = await read()), { encrypts: true })
  } catch (error) {
    const isAccepted =
      last !== undefined &&
      isErrorOfKind(error, 'denial', 'damage') &&
      (await store.keyJobFailures.countAcceptedBefore(tenantId, [{ ...last, code: error.code }])) > 0
    if (!isAccepted) throw error
  }
  return last

  async function read(): Promise<ActiveCipherkeyRow | undefined> {
    const row = await store.cipherkeys.findActive(tenantId, keyName)
    const fault = row && !mayBeRetired ? faultOfActive(row) : undefined
    if (fault !== undefined) throw fault
    return row
  }
}
