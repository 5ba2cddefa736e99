// Destroys a data key with all its versions.
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import { destroyUnderFence } from './destroy-under-fence.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { endCipherkeys } from './end-cipherkeys.ts'

/** Undefined: it cannot be done now. */
export function destroyDataKey(
  parts: RunDestructionsParts,
  due: DestructionRow,
): Promise<DestructionRow | undefined> {
  return destroyUnderFence(parts, due, async (transaction, { tenantId, keyName, dataKeyId }, fence) => {
    if (keyName === undefined || dataKeyId === undefined) throw new TypeError('a data key without id')
    const { cipherkeys, keyNames } = await endCipherkeys(transaction, tenantId, { keyName, dataKeyId })
    await transaction.cipherkeyEnds.forgetFailures(tenantId, dataKeyId)
    await transaction.minimumVersions.forget(tenantId, dataKeyId)
    await transaction.dataKeys.addToCount(tenantId, -keyNames)
    // A request that is about to commit a next version of this data key comes too late.
    await transaction.tenants.moveFence(tenantId, fence.activeTenantKeyVersion)
    return { keyName, dataKeyId, cipherkeys }
  })
}
