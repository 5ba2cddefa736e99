// Destroys keys of a tenant that goes on, in one transaction with the record: a kill at any point leaves everything, or
// nothing and the proof of it.
import { systemActor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
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
export async function destroyUnderFence(
  { store, holdSigner }: RunDestructionsParts,
  { id, tenantId }: DestructionRow,
  destroyKeys: DestroyKeys,
): Promise<DestructionRow | undefined> {
  // A look without the fence, which others need meanwhile: a key job may be live for days.
  if (await isBusy(store, tenantId)) return undefined
  // The fence keeps out requests that make cipherkeys or start a key job.
  return store.withFence(tenantId, async (transaction, fence) => {
    // It ends with its tenant.
    if (fence === undefined || (await isBusy(transaction, tenantId))) return undefined
    const destruction = await transaction.destructions.lockDue(tenantId, id)
    if (destruction === undefined) return undefined

    const destroyedAt = endTimeOf(transaction, destruction)
    const described = await destroyKeys(transaction, destruction, fence)
    if (described === undefined) return undefined
    const signRecord = await holdSigner(transaction)
    const jws = signRecord({ ...destructionRecord(destruction, destroyedAt), ...described })
    await transaction.destructions.finish(tenantId, id, destroyedAt, jws)
    auditDestruction(transaction, destruction, 'done', systemActor)
    return destruction
  })
}

/** Whether a key job is live, as the fence states: it goes through all cipherkeys and counts them. */
async function isBusy({ keyJobs }: Pick<TransactionStore, 'keyJobs'>, tenantId: string): Promise<boolean> {
  return (await keyJobs.findLive(tenantId)) !== undefined
}
