// Verifies rows that are read under a fence which is held alone.
import type { ManifestKind } from '../authentic/manifest.ts'
import type { Authentic, RowMacs } from '../authentic/row-macs.ts'
import type { StoredRow } from '../authentic/steering-kinds.ts'
import type { HeldFence } from './held-fence.ts'

/**
 * Lets a row pass that Keyhold wrote, and wrote last: an older one is authentic, too, but the manifest of the held fence does
 * not know it.
 *
 * @param key - as in the manifest
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
 */
export function verifyListed<Kind extends ManifestKind, Row extends StoredRow<Kind>>(
  { macs, held }: { macs: RowMacs; held: HeldFence },
  kind: Kind,
  key: string | number,
  row: Row,
): Authentic<Row> {
  const authentic = macs.verify(kind, row)
  refuseUnlisted({ macs, held }, kind, key, authentic)
  return authentic
}

/** The second half of it, for a row that was verified before. */
export function refuseUnlisted<Kind extends ManifestKind>(
  { macs, held }: { macs: RowMacs; held: HeldFence },
  kind: Kind,
  key: string | number,
  row: Authentic<StoredRow<Kind>>,
): void {
  // Until the rows are adopted, replicas of the version before write some that no manifest knows.
  if (!macs.requiresMacs()) return
  // Of all kinds in a manifest it is in this column.
  const { mac } = row as unknown as { mac: Buffer }
  if (held.manifest.find(kind, key)?.equals(mac) !== true) macs.reject(kind, row, 'older')
}
