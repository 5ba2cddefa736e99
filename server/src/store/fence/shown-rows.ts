// Reads rows of a tenant for lists of people, which show what is faulty beside the rest. Nothing is decided by them.
import type { RawBuilder } from 'kysely'
import {
  indexEntries,
  type ListedInManifest,
  type ManifestEntry,
  type ManifestKind,
} from '../authentic/manifest.ts'
import { unlessFaulty } from '../authentic/row-faults.ts'
import type { Authentic } from '../authentic/row-macs.ts'
import type { StoredRow } from '../authentic/steering-kinds.ts'
import type { Database } from '../database.ts'
import { macOf, readWithFence, type CoverParts } from './covered-rows.ts'
import { fenceOf, type Fence, type FenceParts, type FenceRow } from './fence-row.ts'
import { checkManifest } from './held-fence.ts'

/** A row for a list of people, which has all of them. */
export interface ShownRow<Row> {
  row: Row
  /** Whether nobody knows that Keyhold wrote it last: nothing of it but its key may be shown. */
  isTampered: boolean
}

/** Rows of one kind for a list of people. */
export interface Shown<Row> {
  /** Undefined: there is no such tenant, or its deletion has begun. */
  fence: Fence | undefined
  rows: ShownRow<Row>[]
  /** The keys of all rows of the kind that the manifest names, as far as this replica knows it. */
  keys: string[]
}

/**
 * Where the manifest is not that of the rows, this replica may remember what it lists; if not, each row may be one that was put
 * back.
 *
 * @param keyOf - the key of a row within the tenant
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED` where the fence itself is faulty; `ERR_SEALED`
 */
export async function readShown<Kind extends ManifestKind, Row extends StoredRow<Kind>>(
  db: Database,
  parts: CoverParts,
  tenantId: string,
  kind: Kind,
  keyOf: (row: Row) => string | number,
  select: RawBuilder<unknown>,
): Promise<Shown<Row>> {
  const { fences, held } = parts
  const { macs } = fences
  const { fenceRow, entries, rows } = await readWithFence<Row>(db, parts, tenantId, select)
  const listed = held?.tenantId === tenantId ? held.manifest : listedIn(fences, fenceRow, entries)
  const isKnown = (row: Row) => {
    if (listed === 'unknown') return false
    return listed === undefined || listed.find(kind, keyOf(row))?.equals(macOf(row)) === true
  }
  return {
    fence: fenceRow && fenceOf(fences, fenceRow),
    rows: rows.map((row) => {
      const isRight = unlessFaulty(() => macs.verify(kind, row)) !== undefined
      if (!isRight || !macs.requiresMacs()) return { row, isTampered: !isRight }
      if (isKnown(row)) return { row, isTampered: false }
      // Of all of them only the fence is told.
      if (listed !== 'unknown')
        unlessFaulty(() => {
          macs.reject(kind, row, 'older')
        })
      return { row, isTampered: true }
    }),
    keys: listed === undefined || listed === 'unknown' ? [] : listed.keys(kind),
  }
}

/** Undefined: nothing follows from the rows of a tenant that ends, and before the adoption nothing from the manifest. */
function listedIn(
  fences: FenceParts,
  fenceRow: Authentic<FenceRow> | undefined,
  entries: readonly ManifestEntry[],
): ListedInManifest | 'unknown' | undefined {
  if (!fences.macs.requiresMacs()) return undefined
  // Rows without a fence: it is hidden.
  if (fenceRow === undefined) return 'unknown'
  if (fenceRow.ending_at !== null) return undefined
  const isWhole = unlessFaulty(() => {
    checkManifest(fences, fenceRow, entries)
    return true
  })
  if (isWhole) return indexEntries(entries)
  const { manifest } = fenceRow
  return (manifest && fences.manifests.find(fenceRow.id, manifest)) ?? 'unknown'
}
