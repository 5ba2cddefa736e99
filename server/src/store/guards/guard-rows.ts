// Reads the guards of tenants, with what replicas of the version before know instead: the rows of tenant_locks, and how long
// keys are held in tenants.
import { sql, type RawBuilder } from 'kysely'
import { columnsOfKind, type StoredRow } from '../authentic/steering-kinds.ts'
import { readWritingTime } from '../authentic/writing-time.ts'
import type { Database } from '../database.ts'
import { prepareStatement } from '../prepare-statement.ts'

export interface TenantLockRow {
  tenantId: string
  lockedAt: Date
  /** The API key that locked it. */
  lockedBy: string
  /** In the words of whoever locked it; undefined: nobody said. */
  reason?: string | undefined
}

export type GuardRow = StoredRow<'guard'>

/** It stands beside the guard, and is not authenticated. */
export interface BesideGuard {
  /** Of the tenant. */
  incarnation: string
  keyCacheTtlSeconds: number | undefined
  lock: TenantLockRow | undefined
}

/** Undefined: the tenant has no guard. */
export interface FoundGuard {
  tenantId: string
  row: GuardRow | undefined
  beside: BesideGuard
}

const guardColumns = columnsOfKind('guard')

const besideColumns = sql`t.id, t.incarnation as tenant_incarnation, t.key_cache_ttl_seconds as tenant_ttl_seconds,
  l.locked_at as lock_at, l.locked_by as lock_by`

type JoinedRow = { [Column in keyof GuardRow]: GuardRow[Column] | null } & {
  id: string
  tenant_incarnation: string
  tenant_ttl_seconds: number | null
  lock_at: Date | null
  lock_by: string | null
}

const selectGuards = (condition: RawBuilder<unknown>) => sql<JoinedRow>`
  select ${sql.join(guardColumns.map((column) => sql.ref(`g.${column}`)))}, ${besideColumns}
  from keyhold.tenants t left join keyhold.tenant_guards g on g.tenant_id = t.id
  left join keyhold.tenant_locks l on l.tenant_id = t.id
  where ${condition}`

const readOne = prepareStatement<[tenantId: string], JoinedRow>((tenantId) =>
  selectGuards(sql`t.id = ${tenantId}`),
)

const readSome = prepareStatement<[tenantIds: readonly string[]], JoinedRow>((tenantIds) =>
  selectGuards(sql`t.id = any(${tenantIds}::text[])`),
)

/** Of the tenants that exist. */
export async function readGuards(db: Database, tenantIds: readonly string[]): Promise<FoundGuard[]> {
  const [tenantId] = tenantIds
  const rows =
    tenantIds.length === 1 && tenantId !== undefined
      ? await readOne(db, tenantId)
      : await readSome(db, tenantIds)
  return rows.map((row) => ({
    tenantId: row.id,
    row: row.tenant_id === null ? undefined : (row as GuardRow),
    beside: {
      incarnation: row.tenant_incarnation,
      keyCacheTtlSeconds: row.tenant_ttl_seconds ?? undefined,
      lock: lockOf(row.id, row.lock_at, row.lock_by),
    },
  }))
}

const readNotedLocks = prepareStatement<[], { tenant_id: string }>(
  () => sql`select tenant_id from keyhold.tenant_locks`,
)

/** The tenants that a lock is noted of where replicas of the version before look. */
export async function listNotedLocks(db: Database): Promise<string[]> {
  const rows = await readNotedLocks(db)
  return rows.map((row) => row.tenant_id)
}

/**
 * Locks the guard of a tenant until the transaction ends; shared, nobody changes it. The rest is read by a second statement,
 * since one that waits answers what was there before. Undefined: there is no such tenant.
 *
 * @returns also the time
 */
export async function lockGuard(
  db: Database,
  tenantId: string,
  how: 'alone' | 'shared',
): Promise<(FoundGuard & { at: Date }) | undefined> {
  const row = db.selectFrom('tenant_guards').select('tenant_id').where('tenant_id', '=', tenantId)
  await (how === 'alone' ? row.forUpdate() : row.forShare()).execute()
  const found = (await readGuards(db, [tenantId])).find((each) => each.tenantId === tenantId)
  if (found === undefined) return undefined
  return { ...found, at: await readWritingTime(db) }
}

/** Makes the guard of a tenant that a replica of the version before has made, unsigned. */
export async function insertMissingGuard(db: Database, tenantId: string): Promise<void> {
  await sql`
    insert into keyhold.tenant_guards (tenant_id, incarnation)
    select id, incarnation from keyhold.tenants where id = ${tenantId}
    on conflict do nothing`.execute(db)
}

/** Brings into the guard of a tenant what replicas of the version before have written beside it. It has to be signed then. */
export async function adoptGuard(db: Database, tenantId: string): Promise<void> {
  await insertMissingGuard(db, tenantId)
  await sql`
    update keyhold.tenant_guards g set
      key_cache_ttl_seconds = t.key_cache_ttl_seconds,
      locked_at = coalesce(g.locked_at, date_trunc('milliseconds', l.locked_at)),
      locked_by = coalesce(g.locked_by, l.locked_by)
    from keyhold.tenants t left join keyhold.tenant_locks l on l.tenant_id = t.id
    where g.tenant_id = ${tenantId} and t.id = g.tenant_id`.execute(db)
}

export function lockOf(
  tenantId: string,
  at: Date | null,
  by: string | null,
  reason: string | null = null,
): TenantLockRow | undefined {
  if (at === null || by === null) return undefined
  return { tenantId, lockedAt: at, lockedBy: by, ...(reason !== null && { reason }) }
}
