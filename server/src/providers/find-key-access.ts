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
  const replicaRegions = replicaRegionsIn(found.inspection)
  const rows = await store.keyHealth.list(tenantId, keyArnFingerprint(keyArn))
  const own = rows.find(({ region }) => region === parseKeyArn(keyArn).region)
  return {
    role: found.role,
    replicaRegions,
    isDenied: own?.code !== undefined && kindOf(own.code) === 'denial',
  }
}

// A damaged record is reported where the provider is shown. Here it only means that no replica key is known.
function replicaRegionsIn(inspection: unknown): string[] {
  if (typeof inspection !== 'object' || inspection === null || !('replicaKeys' in inspection)) return []
  const replicas: unknown = inspection.replicaKeys
  if (!Array.isArray(replicas)) return []
  return replicas.flatMap((replica: unknown) => {
    const isRegional = typeof replica === 'object' && replica !== null && 'region' in replica
    return isRegional && typeof replica.region === 'string' ? [replica.region] : []
  })
}
