// Tenant key versions as stored, each wrapped under the key that its own row names.
import { sql, type Selectable } from 'kysely'
import { isDueOnBothClocks, type DatabaseClock } from './database-clock.ts'
import type { Database } from './database.ts'
import { keyAccessQueries } from './key-access.ts'
import type { guardQueries } from './guards/guards.ts'
import { keyProbeQueries } from './key-probes.ts'
import type { Tables, TenantKeyState } from './tables.ts'

export interface TenantKeyRow {
  tenantId: string
  version: number
  id: string
  state: TenantKeyState
  keyArn: string
  /** Undefined once destroyed. */
  wrapped: Buffer | undefined
  keyCheckValue: Buffer
}

const msPerSecond = 1_000

/** A version, with the facts about its tenant that decide whether it may be used. */
export interface FoundTenantKey extends TenantKeyRow {
  /** Whether the tenant's administrator has locked it. */
  isLocked: boolean
  /** How long the tenant's keys may be held; undefined: as long as the operator allows. */
  keyCacheTtlMs: number | undefined
}

/** A version without its wrap, for lists. */
export interface TenantKeyVersion {
  version: number
  state: TenantKeyState
  keyArn: string
  createdAt: Date
  destroyAfter: Date | undefined
  destroyedAt: Date | undefined
}

const versionColumns = ['version', 'state', 'key_arn', 'created_at', 'destroy_after', 'destroyed_at'] as const

function fromVersionRow(
  row: Pick<Selectable<Tables['tenant_keys']>, (typeof versionColumns)[number]>,
): TenantKeyVersion {
  return {
    version: row.version,
    state: row.state,
    keyArn: row.key_arn,
    createdAt: row.created_at,
    destroyAfter: row.destroy_after ?? undefined,
    destroyedAt: row.destroyed_at ?? undefined,
  }
}

/** A version that something has fallen due for. */
export interface DueVersion {
  tenantId: string
  version: number
  /** As the database writes it, with its microseconds. */
  dueAt: string
}

interface TenantKeyParts {
  clock: DatabaseClock
  firstProbeSeconds: number
  guards: Pick<ReturnType<typeof guardQueries>, 'find'>
}

export function tenantKeyQueries(db: Database, { clock, firstProbeSeconds, guards }: TenantKeyParts) {
  const isDue = () => isDueOnBothClocks(clock, sql`destroy_after`)

  return {
    /** From now on its KEK is in use, and is probed. How it is reached is copied from the key provider. */
    async insert(row: TenantKeyRow & { wrapped: Buffer }): Promise<void> {
      await db
        .insertInto('tenant_keys')
        .values({
          tenant_id: row.tenantId,
          version: row.version,
          id: row.id,
          state: row.state,
          key_arn: row.keyArn,
          wrapped: row.wrapped,
          key_check_value: row.keyCheckValue,
        })
        .execute()
      await keyAccessQueries(db).keep(row.tenantId, row.keyArn)
      await keyProbeQueries(db).begin(row, firstProbeSeconds)
    },

    /** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where nobody knows whether the tenant is locked */
    async find(tenantId: string, version: number): Promise<FoundTenantKey | undefined> {
      const row = await db
        .selectFrom('tenant_keys')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('version', '=', version)
        .executeTakeFirst()
      const guard = row && (await guards.find(tenantId))
      return (
        guard && {
          tenantId: row.tenant_id,
          version: row.version,
          id: row.id,
          state: row.state,
          keyArn: row.key_arn,
          wrapped: row.wrapped ?? undefined,
          keyCheckValue: row.key_check_value,
          isLocked: guard.lock !== undefined,
          keyCacheTtlMs:
            guard.keyCacheTtlSeconds === undefined ? undefined : guard.keyCacheTtlSeconds * msPerSecond,
        }
      )
    },

    /** All versions ever made, the oldest first. */
    async list(tenantId: string): Promise<TenantKeyVersion[]> {
      const rows = await db
        .selectFrom('tenant_keys')
        .select(versionColumns)
        .where('tenant_id', '=', tenantId)
        .orderBy('version')
        .execute()
      return rows.map(fromVersionRow)
    },

    /** The versions below `before`, or all, the newest first. */
    async listNewest(
      tenantId: string,
      { before, limit }: { before?: number | undefined; limit: number },
    ): Promise<TenantKeyVersion[]> {
      let page = db
        .selectFrom('tenant_keys')
        .select(versionColumns)
        .where('tenant_id', '=', tenantId)
        .orderBy('version', 'desc')
        .limit(limit)
      if (before !== undefined) page = page.where(sql<boolean>`version < ${before}::bigint`)
      return (await page.execute()).map(fromVersionRow)
    },

    /** The highest version ever made, so that no version number is used twice. */
    async maxVersion(tenantId: string): Promise<number> {
      const row = await db
        .selectFrom('tenant_keys')
        .select((eb) => eb.fn.max('version').as('max'))
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst()
      return row?.max ?? 0
    },

    async setState(tenantId: string, version: number, state: 'active' | 'decrypt-only'): Promise<void> {
      await db
        .updateTable('tenant_keys')
        .set({ state })
        .where('tenant_id', '=', tenantId)
        .where('version', '=', version)
        // Without "returning", an update of no row at all would count as a result.
        .returning('version')
        .executeTakeFirstOrThrow()
    },

    /**
     * Ends the versions besides `version` that have no end yet: after `retentionDays`; 0: at once. Call it under the fence.
     *
     * @param needed - versions that wrap a cipherkey: they stay decrypt-only, without an end
     * @returns the versions that are destroyed now
     */
    async retireOthers(
      tenantId: string,
      version: number,
      needed: readonly number[],
      retentionDays: number,
    ): Promise<number[]> {
      const others = sql`tenant_id = ${tenantId} and version <> ${version} and state <> 'destroyed'`
      await sql`update keyhold.tenant_keys set state = 'decrypt-only' where ${others}`.execute(db)
      const end =
        retentionDays === 0
          ? sql`state = 'destroyed', wrapped = null, destroyed_at = now()`
          : // In hours, since a day of the session's time zone may have 23.
            sql`destroy_after = now() + make_interval(hours => ${retentionDays * 24})`
      const { rows } = await sql<{ version: number }>`
        update keyhold.tenant_keys set ${end}
        where ${others} and destroy_after is null and version <> all(${needed}::integer[])
        returning version`.execute(db)
      return retentionDays === 0 ? rows.map((row) => row.version) : []
    },

    /** Destroys a version that never wrapped anything, and answers it, if there is one. */
    async destroyPending(tenantId: string): Promise<number[]> {
      const rows = await db
        .updateTable('tenant_keys')
        .set({ state: 'destroyed', wrapped: null, destroyed_at: sql`now()` })
        .where('tenant_id', '=', tenantId)
        .where('state', '=', 'pending')
        .returning('version')
        .execute()
      return rows.map((row) => row.version)
    },

    /**
     * The active versions that are older than that and whose tenant has no live key job, the oldest first; those after
     * `after` alone. They are due since they were made.
     */
    async listDueForRotation(maxAgeDays: number, limit: number, after?: DueVersion): Promise<DueVersion[]> {
      const rest =
        after === undefined
          ? sql`true`
          : sql`(t.created_at, t.tenant_id) > (${after.dueAt}::timestamptz, ${after.tenantId})`
      const { rows } = await sql<{ tenant_id: string; version: number; due_at: string }>`
        select t.tenant_id, t.version, t.created_at::text as due_at from keyhold.tenant_keys t
        where t.state = 'active' and t.created_at < now() - make_interval(days => ${maxAgeDays}) and ${rest}
          and not exists (
            select from keyhold.key_jobs j
            where j.tenant_id = t.tenant_id and j.phase not in ('done', 'aborted')
          )
        order by t.created_at, t.tenant_id limit ${limit}`.execute(db)
      return rows.map((row) => ({ tenantId: row.tenant_id, version: row.version, dueAt: row.due_at }))
    },

    /**
     * Versions whose backup retention has passed, on the database's clock and on this replica's: the longest due first, and
     * only those after `after`.
     */
    async listDueForDestruction(limit: number, after?: DueVersion): Promise<DueVersion[]> {
      const rest =
        after === undefined
          ? sql`true`
          : sql`(destroy_after, tenant_id, version) > (${after.dueAt}::timestamptz, ${after.tenantId}, ${after.version}::int)`
      const { rows } = await sql<{ tenant_id: string; version: number; due_at: string }>`
        select tenant_id, version, destroy_after::text as due_at from keyhold.tenant_keys
        where state = 'decrypt-only' and ${isDue()} and ${rest}
        order by destroy_after, tenant_id, version limit ${limit}`.execute(db)
      return rows.map((row) => ({ tenantId: row.tenant_id, version: row.version, dueAt: row.due_at }))
    },

    /** Destroys a version that `listDueForDestruction` would answer; false: it does not, or no longer. */
    async destroy(tenantId: string, version: number): Promise<boolean> {
      const result = await db
        .updateTable('tenant_keys')
        .set({ state: 'destroyed', wrapped: null, destroyed_at: sql`now()` })
        .where('tenant_id', '=', tenantId)
        .where('version', '=', version)
        .where('state', '=', 'decrypt-only')
        .where(isDue())
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    /** Empties all versions, whatever they still wrap: nothing of the tenant can be decrypted from then on. */
    async destroyAll(tenantId: string): Promise<void> {
      await db
        .updateTable('tenant_keys')
        .set({ state: 'destroyed', wrapped: null, destroyed_at: sql<Date>`now()` })
        .where('tenant_id', '=', tenantId)
        .where('state', '!=', 'destroyed')
        .execute()
    },

    async deleteAll(tenantId: string): Promise<void> {
      await db.deleteFrom('tenant_keys').where('tenant_id', '=', tenantId).execute()
    },
  }
}
