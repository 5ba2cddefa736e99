// Which tenant key versions a tenant would miss: a dead key under which only backups or accepted failures are left locks
// nobody.
import type { Store } from '../store/store.ts'
import type { TenantKeyVersion } from '../store/tenant-keys/tenant-key-row.ts'

/**
 * Answers those of the versions that the tenant cannot do without. It looks through the tenant's cipherkeys where the state
 * of a version does not tell.
 *
 * @param maxMs - how long it looks. Versions that are still in doubt then count as needed.
 */
export async function findNeededVersions(
  { surveys }: Pick<Store, 'surveys'>,
  tenantId: string,
  versions: readonly TenantKeyVersion[],
  maxMs: number,
): Promise<number[]> {
  const inUse = versions.filter(({ state }) => state === 'active' || state === 'pending')
  // A version has a date of destruction only where no cipherkey is left under it.
  const inDoubt = versions.filter(
    ({ state, destroyAfter }) => state === 'decrypt-only' && destroyAfter === undefined,
  )
  const unaccepted = await surveys.findUnaccepted(tenantId, inDoubt.map(numberOf), maxMs)
  return [...inUse.map(numberOf), ...unaccepted]
}

function numberOf({ version }: TenantKeyVersion): number {
  return version
}
