// Tries the cipherkeys that are about to be destroyed because they did not open. Their KEK may be back since they were
// accepted, and nobody but a key job would have noticed.
import { isErrorOfKind, type TenantKey } from '@keyhold/core'
import { mapInSlices } from '../event-loop/map-in-slices.ts'
import { unwrapRow } from '../keyring/open-cipherkey.ts'
import { openVersions } from '../keyring/open-versions.ts'
import type { CipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { WrappedPosition } from '../store/destructions/destruction-row.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'

/**
 * Answers those that open now. Those that another version wraps by now are left out.
 *
 * @throws what says nothing about a tenant key version, such as an outage of its KMS or a locked tenant: then nobody knows
 * whether they open, and nothing may be destroyed
 */
export async function findOpeningCipherkeys(
  { store, openTenantKey }: Pick<RunDestructionsParts, 'store' | 'openTenantKey'>,
  tenantId: string,
  named: readonly WrappedPosition[],
): Promise<WrappedPosition[]> {
  const wrappedAsNamed = new Set(named.map(nameOf))
  const rows = (await store.cipherkeys.listFound(tenantId, named)).filter((row) =>
    wrappedAsNamed.has(nameOf(row)),
  )
  const versions = [...new Set(rows.map(({ tenantKeyVersion }) => tenantKeyVersion))]
  const { sources } = await openVersions(versions, (version) => openTenantKey(tenantId, version))
  const byVersion = new Map(sources.map((source) => [source.version, source]))
  const opened = await mapInSlices(rows, (row) => opens(row, byVersion.get(row.tenantKeyVersion)))
  return rows
    .filter((_, index) => opened[index])
    .map(({ dataKeyId, version, tenantKeyVersion }) => ({ dataKeyId, version, tenantKeyVersion }))
}

export function opens(row: CipherkeyRow, source: TenantKey | undefined): boolean {
  if (source === undefined) return false
  try {
    unwrapRow(source, row)
    return true
  } catch (error) {
    if (!isErrorOfKind(error, 'damage')) throw error
    return false
  }
}

export function nameOf({ dataKeyId, version, tenantKeyVersion }: WrappedPosition): string {
  return `${dataKeyId}/${version}/${tenantKeyVersion}`
}
