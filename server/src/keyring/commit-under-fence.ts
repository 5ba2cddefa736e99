// Writing cipherkeys: they are wrapped under the tenant key version that is active, and committed only if it still is.
import { KeyholdError, type TenantKey } from '@keyhold/core'
import type { Store, TransactionStore } from '../store/store.ts'
import type { TenantKeyCache } from './tenant-key-cache.ts'

// Each round is lost only to a migration that began or ended in between, or to a tenant deleted and made anew.
const maxRounds = 5

export interface FenceParts {
  store: Store
  tenantKeys: TenantKeyCache
}

/**
 * Wraps and commits, both again when the fence has moved in between.
 *
 * @param wrap - everything that takes long: no lock is held yet
 * @param commit - inside the transaction that holds the fence; answers undefined for one more round
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_DATABASE_UNAVAILABLE` for a fence that never stands still, and
 * what the tenant's KMS throws
 */
export async function commitUnderFence<Wrapped, Result>(
  { store, tenantKeys }: FenceParts,
  tenantId: string,
  wrap: (tenantKey: TenantKey) => Wrapped | Promise<Wrapped>,
  commit: (transaction: TransactionStore, wrapped: Wrapped) => Promise<Result | undefined>,
): Promise<Result> {
  for (let round = 0; round < maxRounds; round++) {
    const fence = await store.tenants.findFence(tenantId)
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const wrapping = await tenantKeys.get(tenantId, fence.activeTenantKeyVersion)
    if (wrapping === undefined) continue

    const wrapped = await wrap(wrapping.tenantKey)
    const result = await store.transaction(async (transaction) => {
      const now = await transaction.tenants.lockFenceShared(tenantId)
      if (now?.epoch !== fence.epoch || now.activeTenantKeyVersion !== fence.activeTenantKeyVersion)
        return undefined
      // What was wrapped must open again: by the stored tenant key, not by one remembered from before a deletion.
      const tenantKey = await transaction.tenantKeys.find(tenantId, wrapping.tenantKey.version)
      if (tenantKey?.id !== wrapping.tenantKey.id) {
        wrapping.validUntilMs = Number.NEGATIVE_INFINITY
        return undefined
      }
      return commit(transaction, wrapped)
    })
    if (result !== undefined) return result
  }
  throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', { message: 'The tenant changed too often: try again.' })
}
