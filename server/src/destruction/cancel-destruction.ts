// Cancels a destruction. This works until the destruction is done, or has begun to delete a tenant, even after its day while
// a key job holds it up.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import type { Store } from '../store/store.ts'
import { auditDestruction } from './audit-destruction.ts'
import { getDestruction } from './get-destruction.ts'

/**
 * Cancels the destruction of a data key. A second call returns the cancelled destruction.
 *
 * @throws KeyholdError `ERR_DESTRUCTION_NOT_FOUND`, `ERR_DESTRUCTION_ENDED`, `ERR_FORBIDDEN` for that of the tenant,
 * which is the operator's; `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function cancelDataKeyDestruction(
  store: Store,
  tenantId: string,
  id: string,
  actor: Actor,
): Promise<DestructionRow> {
  const destruction = await getDestruction(store, tenantId, id)
  if (destruction.kind === 'tenant') {
    throw new KeyholdError('ERR_FORBIDDEN', {
      message: 'The deletion of a tenant is cancelled by an operator.',
    })
  }
  return cancel(store, destruction, actor)
}

/**
 * Cancels the deletion of a tenant. A second call returns the cancelled deletion.
 *
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_DESTRUCTION_NOT_FOUND` where none was ever scheduled,
 * `ERR_DESTRUCTION_ENDED`, `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function cancelTenantDestruction(
  store: Store,
  tenantId: string,
  actor: Actor,
): Promise<DestructionRow> {
  const last = await store.destructions.findLastOfTenant(tenantId)
  if (last !== undefined) return cancel(store, last, actor)
  const exists = (await store.tenants.find(tenantId)) !== undefined
  throw new KeyholdError(exists ? 'ERR_DESTRUCTION_NOT_FOUND' : 'ERR_TENANT_NOT_FOUND')
}

async function cancel(store: Store, destruction: DestructionRow, actor: Actor): Promise<DestructionRow> {
  const { id, tenantId } = destruction
  await store.withFence(tenantId, async (transaction, fence) => {
    // It ends with its tenant.
    if (fence === undefined) return
    const isCancelled = await transaction.destructions.cancel(tenantId, id, actor.id)
    if (isCancelled) auditDestruction(transaction, destruction, 'cancelled', actor)
  })
  const now = await getDestruction(store, undefined, id)
  if (now.cancelledAt === undefined) throw new KeyholdError('ERR_DESTRUCTION_ENDED')
  return now
}
