// Finds how the KMS adapter reaches a tenant's key: under which role, in which other regions the key was last seen,
// and whether a replica of Keyhold has met a denial, which counts on all of them, also where it is this one that
// cannot reach the key's own region.
import { keyArnFingerprint, KeyholdError, kindOf, parseKeyArn, type KeyAccess } from '@keyhold/core'
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
  const replicaRegions = replicaRegionsIn(found)
  const rows = await store.keyHealth.list(tenantId, keyArnFingerprint(keyArn))
  const own = rows.find(({ region }) => region === parseKeyArn(keyArn).region)
  return {
    role: found.role,
    replicaRegions,
    isDenied: own?.code !== undefined && kindOf(own.code) === 'denial',
  }
}

/**
 * Looks up a tenant, and a key that it need not have registered.
 *
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`
 */
export async function findKnownKey(
  store: Pick<Store, 'readSnapshot'>,
  tenantId: string,
  keyArn: string | undefined,
): Promise<{ externalId: string; replicaRegions: string[] }> {
  return store.readSnapshot(async ({ tenants, keyProviders }) => {
    const externalId = await tenants.findExternalId(tenantId)
    if (externalId === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const found = keyArn === undefined ? undefined : await keyProviders.findAccess(tenantId, keyArn)
    return { externalId, replicaRegions: found === undefined ? [] : replicaRegionsIn(found) }
  })
}

function replicaRegionsIn({
  inspection,
}: Pick<NonNullable<Awaited<ReturnType<Store['keyProviders']['findAccess']>>>, 'inspection'>): string[] {
  // A damaged record is an error where the provider is shown; here it only means that no replica is known.
  const known = inspection && 'value' in inspection ? inspection.value : undefined
  return (known?.replicaKeys ?? []).map(({ region }) => region)
}
