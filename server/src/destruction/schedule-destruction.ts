// Schedules a destruction, which cannot be undone. Everything works as usual until its day, so that a mistake can be
// noticed in time.
import { KeyholdError } from '@keyhold/core'
import { newId } from '../keyring/new-id.ts'
import type { Actor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions.ts'
import type { Store } from '../store/store.ts'
import { auditDestruction } from './audit-destruction.ts'

export interface DestructionRequest {
  /** After how many times 24 hours: 7 to 30. */
  inDays: number
}

/**
 * Schedules the destruction of a data key: all versions that it has by then.
 *
 * @throws KeyholdError `ERR_KEY_NAME_NOT_FOUND`, `ERR_DESTRUCTION_SCHEDULED`
 */
export async function scheduleDataKeyDestruction(
  store: Store,
  tenantId: string,
  { keyName, inDays }: DestructionRequest & { keyName: string },
  actor: Actor,
): Promise<DestructionRow> {
  // Nobody destroys the key or the tenant between the look under the fence and the end of the transaction.
  return store.withFenceShared(tenantId, async (transaction) => {
    const active = await transaction.cipherkeys.findActive(tenantId, keyName)
    if (active === undefined) throw new KeyholdError('ERR_KEY_NAME_NOT_FOUND')
    const { dataKeyId } = active
    const destruction = await transaction.destructions.insert({
      ...{ id: newId(), tenantId, kind: 'data-key', keyName, dataKeyId },
      ...{ inDays, scheduledBy: actor.id },
    })
    auditDestruction(transaction, destruction, 'scheduled', actor)
    return destruction
  })
}

/**
 * Schedules the deletion of a tenant and of everything that is stored for it.
 *
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_DESTRUCTION_SCHEDULED`
 */
export async function scheduleTenantDestruction(
  store: Store,
  tenantId: string,
  { inDays }: DestructionRequest,
  actor: Actor,
): Promise<DestructionRow> {
  return store.withFenceShared(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const destruction = await transaction.destructions.insert({
      ...{ id: newId(), tenantId, kind: 'tenant', inDays, scheduledBy: actor.id },
    })
    auditDestruction(transaction, destruction, 'scheduled', actor)
    return destruction
  })
}
