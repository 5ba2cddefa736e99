// Destroys a data key with all its versions.
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import { destroyUnderFence } from './destroy-under-fence.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { endCipherkeys } from './end-cipherkeys.ts'
import { proveName } from './prove-name.ts'

/**
 * Undefined: it cannot be done now.
 *
 * @throws what `proveName` throws
 */
export async function destroyDataKey(
  parts: RunDestructionsParts,
  due: DestructionRow,
): Promise<DestructionRow | undefined> {
  // A KMS need not be asked in vain: a key job may be live for days.
  if ((await parts.store.keyJobs.findLive(due.tenantId)) !== undefined) return undefined
  await proveName(parts, due)
  return destroyUnderFence(parts, due, async (transaction, { tenantId, keyName, dataKeyId }, fence) => {
    if (keyName === undefined || dataKeyId === undefined) throw new TypeError('a data key without id')
    // The proof is of these two, and holds for ever.
    if (keyName !== due.keyName || dataKeyId !== due.dataKeyId) return undefined
    const { cipherkeys, keyNames } = await endCipherkeys(transaction, tenantId, { keyName, dataKeyId })
    await transaction.cipherkeyEnds.forgetFailures(tenantId, dataKeyId)
    await transaction.minimumVersions.forget(tenantId, dataKeyId)
    await transaction.dataKeys.addToCount(tenantId, -keyNames)
    // A request that is about to commit a next version of this data key comes too late.
    await transaction.tenants.moveFence(tenantId, fence.activeTenantKeyVersion)
    return { keyName, dataKeyId, cipherkeys }
  })
}
