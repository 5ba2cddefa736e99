// Destroys keys of a tenant that goes on, in one transaction with the record: a kill at any point leaves everything, or
// nothing and the proof of it.
import { systemActor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions.ts'
import type { Fence } from '../store/fence/fence-row.ts'
import type { TransactionStore } from '../store/store.ts'
import { auditDestruction } from './audit-destruction.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { destructionRecord, endTimeOf } from './destruction-record.ts'

/** Deletes the keys, and answers the part of the record that describes them. Undefined: it cannot be done now. */
type DestroyKeys = (
  transaction: TransactionStore,
  destruction: DestructionRow,
  fence: Fence,
) => Promise<Readonly<Record<string, unknown>> | undefined>

/** Undefined: it cannot be done now. */
export function destroyUnderFence(
  { store, signRecord }: RunDestructionsParts,
  { id, tenantId }: DestructionRow,
  destroyKeys: DestroyKeys,
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

    const destroyedAt = endTimeOf(transaction, destruction)
    const described = await destroyKeys(transaction, destruction, fence)
    if (described === undefined) return undefined
    const jws = signRecord({ ...destructionRecord(destruction, destroyedAt), ...described })
    await transaction.destructions.finish(id, destroyedAt, jws)
    auditDestruction(transaction, destruction, 'done', systemActor)
    return destruction
  })
}
