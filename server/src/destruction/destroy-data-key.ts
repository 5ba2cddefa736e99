// Destroys a data key with all its versions.
import { KeyholdError } from '@keyhold/core'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import { destroyUnderFence } from './destroy-under-fence.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { endCipherkeys } from './end-cipherkeys.ts'
import { proveName } from './prove-name.ts'

/**
 * Undefined: it cannot be done now.
 *
 * @throws what `proveName` throws, and KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when its cipherkeys changed since the proof
 */
export async function destroyDataKey(
  parts: RunDestructionsParts,
  due: DestructionRow,
): Promise<DestructionRow | undefined> {
  // A KMS need not be asked in vain: a key job may be live for days.
  if ((await parts.store.keyJobs.findLive(due.tenantId)) !== undefined) return undefined
  const proven = await proveName(parts, due)
  return destroyUnderFence(parts, due, async (transaction, { tenantId, keyName, dataKeyId }, fence) => {
    if (keyName === undefined || dataKeyId === undefined) throw new TypeError('a data key without id')
    // The proof is of these two.
    if (keyName !== due.keyName || dataKeyId !== due.dataKeyId) return undefined
    const { cipherkeys, keyNames } = await endCipherkeys(transaction, tenantId, { keyName, dataKeyId })
    if (proven !== undefined && cipherkeys.digest !== proven) throw changedSince(dataKeyId)
    await transaction.cipherkeyEnds.forgetFailures(tenantId, dataKeyId)
    await transaction.minimumVersions.forget(tenantId, dataKeyId)
    await transaction.dataKeys.addToCount(tenantId, -keyNames)
    // A request that is about to commit a next version of this data key comes too late.
    await transaction.tenants.moveFence(tenantId, fence.activeTenantKeyVersion)
    return { keyName, dataKeyId, cipherkeys }
  })
}

// The transaction is undone. It may have been a new version of the data key: the next attempt proves that one as well.
function changedSince(dataKeyId: string): KeyholdError {
  return new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
    message: `Cipherkeys of the data key ${dataKeyId} were added, replaced or taken away while its name was proven: it is not destroyed now, and tried again.`,
  })
}
