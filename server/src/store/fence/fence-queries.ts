// The statements that take a tenant's fence, for the rest of their transaction. They are the first ones of it: whoever
// locks a row before the fence can meet another who does it the other way round, and both wait for ever.
import { sql } from 'kysely'
import { readEntries, selectEntries, type ManifestEntry } from '../authentic/manifest.ts'
import { columnsOfKind } from '../authentic/steering-kinds.ts'
import type { Database } from '../database.ts'
import { prepareStatement } from '../prepare-statement.ts'
import { acceptFence, fenceOf, type Fence, type FenceParts, type FenceRow } from './fence-row.ts'

/** A fence that is held alone, as it was read. */
export interface TakenFence {
  /** Undefined: there is no such tenant. Its deletion may have begun. */
  row: FenceRow | undefined
  entries: ManifestEntry[]
  /** The database's time under the fence, in whole milliseconds. */
  now: Date
}

const fenceColumns = sql.join(columnsOfKind('fence').map((column) => sql.ref(`t.${column}`)))

const readTaken = prepareStatement<
  [tenantId: string],
  FenceRow & { now: Date; entries: Parameters<typeof readEntries>[0]; is_there: boolean }
>(
  (tenantId) => sql`
    select ${fenceColumns}, t.id is not null as is_there, ${selectEntries(tenantId)} as entries,
      date_trunc('milliseconds', clock_timestamp()) as now
    from (select) one left join keyhold.tenants t on t.id = ${tenantId}`,
)

/** Waits until nobody else holds the fence, and later comers wait behind. */
export async function takeFence(db: Database, parts: FenceParts, tenantId: string): Promise<TakenFence> {
  await sql`select * from keyhold.fence_alone(${tenantId})`.execute(db)
  // A statement of its own: its snapshot is newer than the lock.
  const seen = parts.seen.get(tenantId)
  const [row] = await readTaken(db, tenantId)
  if (row === undefined) throw new TypeError('the database does not answer')
  const taken = { entries: readEntries(row.entries), now: row.now }
  if (!row.is_there) return { row: undefined, ...taken }
  return { row: acceptFence(parts, tenantId, row, seen), ...taken }
}

const lockShared = prepareStatement<
  [tenantId: string],
  { granted: boolean; locked_epoch: number | null } & (FenceRow | { id: null })
>(
  (tenantId) => sql`select f.granted, f.epoch as locked_epoch, ${fenceColumns}
    from keyhold.try_fence_shared(${tenantId}) f left join keyhold.tenants t on t.id = ${tenantId}`,
)

/** Never waits. `refused`: somebody holds the fence alone, or waits to. Undefined: there is no such tenant. */
export async function tryFenceShared(
  db: Database,
  parts: FenceParts,
  tenantId: string,
): Promise<Fence | 'refused' | undefined> {
  let seen = parts.seen.get(tenantId)
  // The function reads with a snapshot that is newer than the lock, this statement with its own, which may be older.
  const [row] = await lockShared(db, tenantId)
  if (row?.granted !== true) return 'refused'
  if (row.locked_epoch === null) return undefined
  let read: FenceRow | undefined = row.id === null ? undefined : row
  if (read?.fence_epoch !== row.locked_epoch || read.generation < seen) {
    seen = parts.seen.get(tenantId)
    read = await readFence(db, tenantId)
  }
  return read && fenceOf(parts, acceptFence(parts, tenantId, read, seen))
}

const readRow = prepareStatement<[tenantId: string], FenceRow>(
  (tenantId) => sql`select ${fenceColumns} from keyhold.tenants t where t.id = ${tenantId}`,
)

const readRows = prepareStatement<[tenantIds: string[]], FenceRow>(
  (tenantIds) => sql`select ${fenceColumns} from keyhold.tenants t where t.id = any(${tenantIds})`,
)

/** The same of several tenants. */
export async function readFences(db: Database, tenantIds: string[]): Promise<FenceRow[]> {
  return readRows(db, tenantIds)
}

/** The row as it is, whoever holds it. Its MAC is still to be verified. */
export async function readFence(db: Database, tenantId: string): Promise<FenceRow | undefined> {
  const [row] = await readRow(db, tenantId)
  return row
}
