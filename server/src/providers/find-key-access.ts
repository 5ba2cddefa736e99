// Finds how the KMS adapter reaches a tenant's key: under which role, in which other regions the key was last seen,
// and whether a replica of Keyhold has met a denial, which counts on all of them, also where it is this one that
// cannot reach the key's own region.
import { keyArnFingerprint, kindOf, parseKeyArn, type KeyAccess } from '@keyhold/core'
import type { Store } from '../store/store.ts'

/**
 * Nothing is known of a key that is not registered: Keyhold asks for it under its own identity, in the key's own
 * region.
 */
export async function findKeyAccess(
  store: Pick<Store, 'keyProviders' | 'keyHealth'>,
  tenantId: string,
  keyArn: string,
): Promise<KeyAccess> {
  const found = await store.keyProviders.findAccess(tenantId, keyArn)
  if (found === undefined) return { role: undefined, replicaRegions: [] }
  // A damaged record is an error where the provider is shown; here it only means that no replica is known.
  const inspection = found.inspection && 'value' in found.inspection ? found.inspection.value : undefined
  const replicaRegions = (inspection?.replicaKeys ?? []).map(({ region }) => region)
  const rows = await store.keyHealth.list(tenantId, keyArnFingerprint(keyArn))
  const own = rows.find(({ region }) => region === parseKeyArn(keyArn).region)
  return {
    role: found.role,
    replicaRegions,
    isDenied: own?.code !== undefined && kindOf(own.code) === 'denial',
  }
}
