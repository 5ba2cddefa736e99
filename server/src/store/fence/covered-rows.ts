// Reads rows of a tenant that decide, in one statement with its fence: so a row that is missing, put back or added is noticed
// by the manifest, and what the fence states is of the same moment as the rows.
import { sql, type RawBuilder } from 'kysely'
import {
  indexEntries,
  readEntries,
  selectEntries,
  type ListedInManifest,
  type ManifestEntry,
  type ManifestKind,
} from '../authentic/manifest.ts'
import type { Authentic } from '../authentic/row-macs.ts'
import { columnsOfKind, type SteeringKind, type StoredRow } from '../authentic/steering-kinds.ts'
import type { Database } from '../database.ts'
import { prepareStatement } from '../prepare-statement.ts'
import { acceptFence, fenceOf, verifyFence, type Fence, type FenceParts, type FenceRow } from './fence-row.ts'
import { checkManifest, type HeldFence } from './held-fence.ts'

export interface CoverParts {
  fences: FenceParts
  /** Whether what is read may be compared with what was read before: not in a snapshot, nor beside own writes. */
  isLatest: boolean
  /** The fence that the transaction holds alone, if any. */
  held: HeldFence | undefined
}

export interface Covered<Row> {
  /** Undefined: there is no such tenant, or its deletion has begun. */
  fence: Fence | undefined
  /** Undefined: there is no such tenant. Its deletion may have begun. */
  fenceRow: Authentic<FenceRow> | undefined
  rows: Row[]
  /**
   * Lets a row pass that Keyhold wrote last.
   *
   * @param key - as in the manifest
   * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
   */
  verify: <Kind extends ManifestKind, Stored extends StoredRow<Kind>>(
    kind: Kind,
    key: string | number,
    row: Stored,
  ) => Authentic<Stored>
  /** Whether the manifest names a row. */
  names: (kind: ManifestKind, key: string | number) => boolean
  /** The keys of all rows of a kind that the manifest names. */
  keys: (kind: ManifestKind) => string[]
  /**
   * For an answer that lacks a row which the manifest names: before the adoption it is only reported.
   *
   * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
   */
  refuse: () => void
}

/**
 * @param select - a query for the rows. Its column `place` counts them from 1; no other one begins with `fence_`
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
 */
export async function readCovered<Row>(
  db: Database,
  parts: CoverParts,
  tenantId: string,
  select: RawBuilder<unknown>,
): Promise<Covered<Row>> {
  return cover(parts, tenantId, await readWithFence<Row>(db, parts, tenantId, select))
}

export type ReadCovered<Values extends unknown[], Row> = (
  db: Database,
  parts: CoverParts,
  tenantId: string,
  ...values: Values
) => Promise<Covered<Row>>

/**
 * `readCovered` as a prepared statement.
 *
 * @param select - as for `readCovered`, and for `prepareStatement`
 */
export function prepareCovered<Values extends unknown[], Row>(
  select: (tenantId: string, ...values: Values) => RawBuilder<unknown>,
): ReadCovered<Values, Row> {
  const statement = prepareStatement<[string, ...Values], Read<Row>>((tenantId, ...values) =>
    selectWithFence<Row>(tenantId, select(tenantId, ...values)),
  )
  return async (db, parts, tenantId, ...values) =>
    cover(parts, tenantId, await accept(parts, tenantId, () => statement(db, tenantId, ...values)))
}

/**
 * The same for rows that a statement of one's own has read together with the fence and its entries.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
 */
export function coverReadRows(
  parts: Pick<CoverParts, 'fences'>,
  tenantId: string,
  fence: FenceRow,
  entries: readonly ManifestEntry[],
): Covered<never> {
  const { fences } = parts
  const fenceRow = verifyFence(fences, tenantId, fence)
  const isOpen = fenceRow.ending_at === null
  if (isOpen) checkManifest(fences, fenceRow, entries)
  return coverOf(parts, fenceRow, isOpen ? indexEntries(entries) : undefined, [])
}

/** Rows, and the fence of their tenant as of the same moment. The rows are still to be judged. */
export interface WithFence<Row> {
  fenceRow: Authentic<FenceRow> | undefined
  /** As they are. None where the transaction holds the fence alone: then that one has them. */
  entries: ManifestEntry[]
  rows: Row[]
}

/** @param select - as for `readCovered` */
export function readWithFence<Row>(
  db: Database,
  parts: CoverParts,
  tenantId: string,
  select: RawBuilder<unknown>,
): Promise<WithFence<Row>> {
  return accept(parts, tenantId, async () => (await selectWithFence<Row>(tenantId, select).execute(db)).rows)
}

/** A row of the statement: with what the fence says, in the first one alone. */
type Read<Row> = Row & { place: number | null; fence_entries: Entries | null }

function selectWithFence<Row>(tenantId: string, select: RawBuilder<unknown>): RawBuilder<Read<Row>> {
  return sql`
    with fence as materialized (
      select 1 as fence_place, ${columnsAs('fence', 't', 'fence_')}, ${selectEntries(tenantId)} as fence_entries
      from keyhold.tenants t where t.id = ${tenantId}
    ), found as materialized (${select})
    select fence.*, found.* from fence full join found on found.place = fence.fence_place order by found.place`
}

/** @param read - runs the statement: what was seen before is known before it begins */
async function accept<Row>(
  { fences, isLatest, held }: CoverParts,
  tenantId: string,
  read: () => Promise<Read<Row>[]>,
): Promise<WithFence<Row>> {
  const seen = isLatest ? fences.seen.get(tenantId) : 0
  const rows = await read()
  const first = rows.find((row) => row.fence_entries !== null)
  const found = rows.filter((row) => row.place !== null)
  if (held?.tenantId === tenantId)
    return { fenceRow: held.row as Authentic<FenceRow> | undefined, entries: [], rows: found }
  const row = first && rowAs('fence', first, 'fence_')
  const fenceRow =
    row && (isLatest ? acceptFence(fences, tenantId, row, seen) : verifyFence(fences, tenantId, row))
  return { fenceRow, entries: readEntries(first?.fence_entries ?? []), rows: found }
}

function cover<Row>(
  parts: CoverParts,
  tenantId: string,
  { fenceRow, entries, rows }: WithFence<Row>,
): Covered<Row> {
  const { fences, held } = parts
  if (held?.tenantId === tenantId) {
    return coverOf(parts, fenceRow, fenceRow?.ending_at === null ? held.manifest : undefined, rows)
  }
  if (fenceRow?.ending_at === null) checkManifest(fences, fenceRow, entries)
  return coverOf(parts, fenceRow, fenceRow?.ending_at === null ? indexEntries(entries) : undefined, rows)
}

type Entries = Parameters<typeof readEntries>[0]

/** @param listed - undefined: nothing follows from the rows of a tenant that ends */
function coverOf<Row>(
  { fences }: Pick<CoverParts, 'fences'>,
  fenceRow: Authentic<FenceRow> | undefined,
  listed: ListedInManifest | undefined,
  rows: Row[],
): Covered<Row> {
  const { macs } = fences
  return {
    fence: fenceRow && fenceOf(fences, fenceRow),
    fenceRow,
    rows,
    verify(kind, key, row) {
      const authentic = macs.verify(kind, row)
      if (!macs.requiresMacs()) return authentic
      // Rows without a fence: it is hidden, and with it whether they are the newest ones.
      if (fenceRow === undefined) macs.reject(kind, row, 'incomplete')
      if (listed === undefined) return authentic
      if (listed.find(kind, key)?.equals(macOf(row)) !== true) macs.reject(kind, row, 'older')
      return authentic
    },
    names: (kind, key) => listed?.find(kind, key) !== undefined,
    keys: (kind) => listed?.keys(kind) ?? [],
    refuse() {
      if (fenceRow !== undefined) macs.reject('fence', fenceRow, 'incomplete')
    },
  }
}

/** Of all kinds in a manifest it is in this column. */
export function macOf(row: object): Buffer {
  return (row as { mac: Buffer }).mac
}

/** The columns of a kind for a query that reads several, each with a name of its own. */
export function columnsAs(kind: SteeringKind, alias: string, prefix: string): RawBuilder<unknown> {
  return sql.join(
    columnsOfKind(kind).map((column) => sql`${sql.ref(`${alias}.${column}`)} as ${sql.ref(prefix + column)}`),
  )
}

/** The row of a kind in such an answer. */
export function rowAs<Kind extends SteeringKind>(kind: Kind, row: object, prefix: string): StoredRow<Kind> {
  const values = row as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    columnsOfKind(kind).map((column) => [column, values[prefix + column]]),
  ) as unknown as StoredRow<Kind>
}
