// Destroys single cipherkeys that do not open, in one transaction with its record. A request names a thousand at most.
import { createHash } from 'node:crypto'
import { systemActor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions.ts'
import { auditDestruction } from './audit-destruction.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { destructionRecord, endTimeOf } from './destruction-record.ts'
import { addToCount, describeCipherkey, identityOf } from './ended-cipherkeys.ts'

/** Undefined: it cannot be done now. Cipherkeys that were brought under another tenant key version meanwhile stay. */
export function destroyCipherkeys(
  { store, signRecord }: RunDestructionsParts,
  { id, tenantId }: DestructionRow,
): Promise<DestructionRow | undefined> {
  return store.withFence(tenantId, async (transaction, fence) => {
    // It ends with its tenant.
    if (fence === undefined) return undefined
    const destruction = await transaction.destructions.lockDue(id)
    if (destruction === undefined) return undefined
    // A key job goes through all cipherkeys and counts them.
    if ((await transaction.keyJobs.findLive(tenantId)) !== undefined) return undefined

    const destroyedAt = endTimeOf(transaction, destruction)
    const ended = await transaction.cipherkeyEnds.deleteNamed(tenantId, destruction.cipherkeys ?? [])
    const { count, dataKeys } = addToCount({ count: 0, dataKeys: 0, keyNames: 0 }, ended, undefined)
    const hash = createHash('sha256')
    for (const cipherkey of ended) hash.update(identityOf(cipherkey))
    const cipherkeys = { count, dataKeys, digest: hash.digest('hex'), listed: ended.map(describeCipherkey) }
    const jws = signRecord({ ...destructionRecord(destruction, destroyedAt), cipherkeys })
    await transaction.destructions.finish(id, destroyedAt, jws)
    auditDestruction(transaction, destruction, 'done', systemActor)
    return destruction
  })
}
