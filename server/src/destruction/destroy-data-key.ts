// Destroys a data key in one transaction with its record: a kill at any point leaves everything, or nothing and the proof
// of it.
import { systemActor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions.ts'
import { auditDestruction } from './audit-destruction.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { destructionRecord, endTimeOf } from './destruction-record.ts'
import { endCipherkeys } from './end-cipherkeys.ts'

/** Undefined: it cannot be done now. */
export function destroyDataKey(
  { store, signRecord }: RunDestructionsParts,
  { id, tenantId }: DestructionRow,
): Promise<DestructionRow | undefined> {
  // The fence keeps out requests that make cipherkeys or start a key job.
  return store.withFence(tenantId, async (transaction, fence) => {
    // It ends with its tenant.
    if (fence === undefined) return undefined
    const destruction = await transaction.destructions.lockDue(id)
    if (destruction === undefined) return undefined
    // A key job goes through all cipherkeys and counts them. One that began after the list of due destructions was read
    // is seen here.
    if ((await transaction.keyJobs.findLive(tenantId)) !== undefined) return undefined
    const { keyName, dataKeyId } = destruction
    if (keyName === undefined || dataKeyId === undefined) throw new TypeError('a data key without id')

    const destroyedAt = endTimeOf(transaction, destruction)
    const { cipherkeys, keyNames } = await endCipherkeys(transaction, tenantId, dataKeyId)
    await transaction.cipherkeyEnds.forgetFailures(tenantId, dataKeyId)
    await transaction.dataKeys.addToCount(tenantId, -keyNames)
    // A request that is about to commit a next version of this data key comes too late.
    await transaction.tenants.moveFence(tenantId, fence.activeTenantKeyVersion)
    const jws = signRecord({
      ...destructionRecord(destruction, destroyedAt),
      ...{ keyName, dataKeyId, cipherkeys },
    })
    await transaction.destructions.finish(id, destroyedAt, jws)
    auditDestruction(transaction, destruction, 'done', systemActor)
    return destruction
  })
}
