// Looks at the fence before cipherkeys are committed: they were wrapped without a lock, and must open later.
import type { TenantKey } from '@keyhold/core'
import type { Fence } from '../store/fence/fence-row.ts'
import type { TransactionStore } from '../store/store.ts'

/** The state before the wrapping, and the tenant key that wrapped. */
export interface FenceBefore {
  /** Undefined: there was no such tenant. */
  epoch: number | undefined
  tenantKey: Pick<TenantKey, 'id' | 'version'>
}

/**
 * Answers whether cipherkeys that `tenantKey` wrapped may be committed by a transaction that has the fence until it ends.
 * `moved`: another version is active, or was in between. `other-key`: the stored version is another key than the one that
 * wrapped, since the tenant was deleted and made anew.
 */
export async function lookAtFence(
  transaction: TransactionStore,
  tenantId: string,
  fence: Fence | undefined,
  { epoch, tenantKey }: FenceBefore,
): Promise<'holds' | 'moved' | 'other-key'> {
  if (fence?.epoch !== epoch || fence?.activeTenantKeyVersion !== tenantKey.version) return 'moved'
  const id = fence.stated
    ? fence.stated.activeTenantKeyId
    : (await transaction.tenantKeys.find(tenantId, tenantKey.version))?.id
  return id === tenantKey.id ? 'holds' : 'other-key'
}
