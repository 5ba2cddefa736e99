// Finds the facts about a key that need not be registered: for the policies that are printed.
import { KeyholdError } from '@keyhold/core'
import type { Store } from '../store/store.ts'

/**
 * Looks up a tenant, and a key that it need not have registered.
 *
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`
 */
export async function findKnownKey(
  store: Pick<Store, 'tenants' | 'keyAccess'>,
  tenantId: string,
  keyArn: string | undefined,
): Promise<{ externalId: string; replicaRegions: string[] }> {
  // In no snapshot, where nobody compares with what this replica has seen: an older state would be printed as a policy. The
  // external id of a tenant never changes, so that both belong together all the same.
  const externalId = await store.tenants.findExternalId(tenantId)
  if (externalId === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  const found = keyArn === undefined ? undefined : await store.keyAccess.find(tenantId, keyArn)
  return { externalId, replicaRegions: found?.replicaRegions ?? [] }
}
