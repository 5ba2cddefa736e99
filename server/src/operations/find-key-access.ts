// How the KMS adapter reaches a tenant's key: as whom, and in which other regions the key was last seen.
import type { KeyAccess } from '@keyhold/core'
import type { Store } from '../store/store.ts'

/** Of a key that is not registered nothing is known: it is asked as Keyhold itself, in its own region. */
export async function findKeyAccess(
  store: Pick<Store, 'keyProviders'>,
  tenantId: string,
  keyArn: string,
): Promise<KeyAccess> {
  const found = await store.keyProviders.findAccess(tenantId, keyArn)
  if (found === undefined) return { role: undefined, replicaRegions: [] }
  return { role: found.role, replicaRegions: replicaRegionsIn(found.inspection) }
}

// A damaged record is told of where the provider is shown; here it only means that no replica is known.
function replicaRegionsIn(inspection: unknown): string[] {
  if (typeof inspection !== 'object' || inspection === null || !('replicaKeys' in inspection)) return []
  const replicas: unknown = inspection.replicaKeys
  if (!Array.isArray(replicas)) return []
  return replicas.flatMap((replica: unknown) => {
    const isRegional = typeof replica === 'object' && replica !== null && 'region' in replica
    return isRegional && typeof replica.region === 'string' ? [replica.region] : []
  })
}
