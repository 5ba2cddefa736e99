// Writes cipherkeys: they are wrapped under the active tenant key version, and committed only if it is still active.
import { KeyholdError, type TenantKey } from '@keyhold/core'
import type { Store, TransactionStore } from '../store/store.ts'
import { lookAtFence } from './look-at-fence.ts'
import type { TenantKeyCache } from './tenant-key-cache.ts'

// A round fails only if a migration began or ended meanwhile, or the tenant was deleted and made anew.
const maxRounds = 5

export interface FenceParts {
  store: Store
  tenantKeys: TenantKeyCache
}

/**
 * Wraps and commits, and does both again when the fence has moved in between.
 *
 * @param wrap - does everything that takes long, since no lock is held yet
 * @param commit - runs inside the transaction that holds the fence; undefined asks for one more round
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_DATABASE_UNAVAILABLE` when the fence moves in every round or is held
 * by another for too long, and the errors of the tenant's KMS
 */
export async function commitUnderFence<Wrapped, Result>(
  { store, tenantKeys }: FenceParts,
  tenantId: string,
  wrap: (tenantKey: TenantKey) => Wrapped | Promise<Wrapped>,
  commit: (transaction: TransactionStore, wrapped: Wrapped) => Promise<Result | undefined>,
): Promise<Result> {
  for (let round = 0; round < maxRounds; round++) {
    const before = await store.tenants.glanceAtFence(tenantId)
    if (before === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const wrapping = await tenantKeys.get(tenantId, before.activeTenantKeyVersion)
    if (wrapping === undefined) continue

    const { tenantKey } = wrapping
    const wrapped = await wrap(tenantKey)
    const result = await store.withFenceShared(tenantId, async (transaction, fence) => {
      const look = await lookAtFence(transaction, tenantId, fence, { epoch: before.epoch, tenantKey })
      // The key was held from before a deletion of the tenant: nobody may use it again.
      if (look === 'other-key') wrapping.validUntilMs = Number.NEGATIVE_INFINITY
      return look === 'holds' ? commit(transaction, wrapped) : undefined
    })
    if (result !== undefined) return result
  }
  throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', { message: 'The tenant changed too often: try again.' })
}
