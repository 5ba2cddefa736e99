// Schedules a destruction, which cannot be undone. Everything works as usual until its day, so that a mistake can be
// noticed in time.
import { isUuid, KeyholdError } from '@keyhold/core'
import { newId } from '../keyring/new-id.ts'
import type { Actor } from '../store/audits.ts'
import type { CipherkeyPosition } from '../store/cipherkeys/cipherkeys.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
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
  return store.withFence(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_KEY_NAME_NOT_FOUND')
    const active = await transaction.cipherkeys.findActive(tenantId, keyName)
    if (active === undefined) throw new KeyholdError('ERR_KEY_NAME_NOT_FOUND')
    const { dataKeyId } = active
    const destruction = await transaction.destructions.insert({
      ...{ id: newId(store.clock.now()), tenantId, kind: 'data-key', keyName, dataKeyId },
      ...{ inDays, scheduledBy: actor.id },
    })
    auditDestruction(transaction, destruction, 'scheduled', actor)
    return destruction
  })
}

/**
 * Schedules the destruction of cipherkeys that were accepted in a key job because they do not open: all named ones, or
 * none. Their tenant key version is then needed no more.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`, `ERR_MIGRATION_FAILURE_NOT_FOUND`
 */
export async function scheduleFailureDestruction(
  store: Store,
  tenantId: string,
  { keyJobId, failures, inDays }: DestructionRequest & { keyJobId: string; failures: CipherkeyPosition[] },
  actor: Actor,
): Promise<DestructionRow> {
  const named = [...new Map(failures.map((each) => [`${each.dataKeyId}/${each.version}`, each])).values()]
  return store.withFence(tenantId, async (transaction, fence) => {
    const job = isUuid(keyJobId) ? await transaction.keyJobs.find(tenantId, keyJobId) : undefined
    if (fence === undefined || job === undefined) throw new KeyholdError('ERR_MIGRATION_NOT_FOUND')
    const cipherkeys = await transaction.keyJobFailures.listDestroyable(tenantId, keyJobId, named)
    if (cipherkeys.length !== named.length) {
      throw new KeyholdError('ERR_MIGRATION_FAILURE_NOT_FOUND', {
        message:
          'Not all of these cipherkeys were accepted in this migration, are wrapped as they were then, and encrypt no more; nothing is scheduled.',
      })
    }
    const destruction = await transaction.destructions.insert({
      ...{ id: newId(transaction.clock.now()), tenantId, kind: 'cipherkeys', cipherkeys },
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
  return store.withFence(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const destruction = await transaction.destructions.insert({
      ...{ id: newId(store.clock.now()), tenantId, kind: 'tenant', inDays, scheduledBy: actor.id },
    })
    auditDestruction(transaction, destruction, 'scheduled', actor)
    return destruction
  })
}
