// Ends the version of the data key under which the tenant's programs encrypt. What it has encrypted stays readable.
import { KeyholdError } from '@keyhold/core'
import { leaseKeyName } from '../keyring/lease-key-name.ts'
import type { Actor } from '../store/audits.ts'
import { dataKeyChanged, type DataKeyChangeParts } from './data-key-change.ts'
import { listLeaseKeys, type LeaseKeyVersion } from './list-lease-keys.ts'

/**
 * Makes the next version, of which all leases for encryption are from now on, and answers it. Programs that hold a lease
 * encrypt under the version before until it ends. Two calls at the same moment may make one version together.
 *
 * @throws KeyholdError `ERR_LEASE_KEY_NOT_FOUND` where the tenant has never leased one, and the errors of the tenant's KMS
 */
export async function endLeaseKey(
  parts: DataKeyChangeParts,
  tenantId: string,
  actor: Actor,
): Promise<LeaseKeyVersion> {
  const made = await parts.dataKeys.rotate(tenantId, leaseKeyName, actor)
  if (made === undefined) throw new KeyholdError('ERR_LEASE_KEY_NOT_FOUND')
  dataKeyChanged(parts, tenantId, made.dataKeyId)
  const [active] = (await listLeaseKeys(parts.store, tenantId, { limit: 1 })).leaseKeys
  if (active === undefined) throw new KeyholdError('ERR_LEASE_KEY_NOT_FOUND')
  return active
}
