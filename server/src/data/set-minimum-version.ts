// Sets the minimum version for decryption. Values under an older version are refused until the minimum is lowered.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { DataKeyRow } from '../store/cipherkeys/data-keys.ts'
import { dataKeyChanged, getDataKeyRow, type DataKeyChangeParts } from './data-key-change.ts'

/**
 * Retires the versions below `minimumVersion` and brings back those from it on: here at once, on other replicas as
 * soon as they hear of it and after the caches' TTL at the latest. The active version is never retired.
 *
 * @param minimumVersion - a whole number from 1
 * @throws KeyholdError `ERR_KEY_NAME_NOT_FOUND`, `ERR_MINIMUM_VERSION_INVALID` for one above the active version,
 * `ERR_KEY_INTEGRITY` where the name is that of another data key
 */
export async function setMinimumVersion(
  parts: DataKeyChangeParts,
  tenantId: string,
  { keyName, minimumVersion }: { keyName: string; minimumVersion: number },
  actor: Actor,
): Promise<DataKeyRow> {
  const { store, dataKeys } = parts
  // Outside the fence, as a KMS may be asked.
  const provenId = await dataKeys.proveName(tenantId, keyName)
  // The fence keeps out whoever makes a version or destroys the data key, and its manifest names the minimum.
  const dataKeyId = await store.withFence(tenantId, async (transaction, fence) => {
    const dataKey = fence && (await transaction.dataKeys.find(tenantId, keyName))
    if (dataKey === undefined) throw new KeyholdError('ERR_KEY_NAME_NOT_FOUND')
    if (provenId !== undefined && dataKey.dataKeyId !== provenId) throw new KeyholdError('ERR_KEY_INTEGRITY')
    const activeVersion = dataKey.versions[0]?.version ?? 0
    if (minimumVersion > activeVersion) {
      throw new KeyholdError('ERR_MINIMUM_VERSION_INVALID', {
        message: `The minimum version is at most the active one, ${activeVersion}: rotate first.`,
      })
    }
    await transaction.minimumVersions.set(tenantId, dataKey.dataKeyId, minimumVersion)
    transaction.audit({
      tenantId,
      actor,
      action: 'datakey.set-minimum-version',
      targetId: dataKey.dataKeyId,
      details: { keyName, minimumVersion: String(minimumVersion) },
    })
    return dataKey.dataKeyId
  })
  dataKeyChanged(parts, tenantId, dataKeyId)
  return getDataKeyRow(store, tenantId, keyName)
}
