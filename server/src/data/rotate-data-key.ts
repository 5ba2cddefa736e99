// Makes a new version of a data key now, before the old one reaches its maximum age. Encrypted values stay as they are.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { DataKeyRow } from '../store/cipherkeys/data-keys.ts'
import { dataKeyChanged, getDataKeyRow, type DataKeyChangeParts } from './data-key-change.ts'

/**
 * Makes the next version, which encrypts from now on: here at once, on other replicas as soon as they hear of it, and
 * after the caches' TTL at the latest. Two calls at the same moment may make one version together.
 *
 * @throws KeyholdError `ERR_KEY_NAME_NOT_FOUND`, and the errors of the tenant's KMS
 */
export async function rotateDataKey(
  parts: DataKeyChangeParts,
  tenantId: string,
  keyName: string,
  actor: Actor,
): Promise<DataKeyRow> {
  const made = await parts.dataKeys.rotate(tenantId, keyName, actor)
  if (made === undefined) throw new KeyholdError('ERR_KEY_NAME_NOT_FOUND')
  dataKeyChanged(parts, tenantId, made.dataKeyId)
  return getDataKeyRow(parts.store, tenantId, keyName)
}
