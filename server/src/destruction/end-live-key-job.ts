// Ends the live key job of a tenant that is deleted: there is nothing left to bring anywhere, and a key job that waits for
// a dead KEK would hold the deletion up for ever.
import { systemActor } from '../store/audits.ts'
import type { TransactionStore } from '../store/store.ts'

/**
 * Call it under `withFence`, which moves here. Whatever a replica still does for the key job comes too late: it has lost
 * the lead, and what it wrapped belongs to an epoch that has passed.
 *
 * @param activeTenantKeyVersion - of the fence; it stays
 */
export async function endLiveKeyJob(
  transaction: TransactionStore,
  tenantId: string,
  activeTenantKeyVersion: number,
): Promise<void> {
  const live = await transaction.keyJobs.lockLive(tenantId)
  if (live === undefined) return
  await transaction.keyJobs.end(live.id)
  await transaction.tenants.moveFence(tenantId, activeTenantKeyVersion)
  transaction.audit({
    tenantId,
    actor: systemActor,
    action: 'migration.supersede',
    targetId: live.id,
    details: { kind: live.kind, phase: live.phase, by: 'tenant.delete' },
  })
}
