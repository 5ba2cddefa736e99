// Tenants, and what their fence protects: the epoch, and the version that wraps new data keys.
import { KeyholdError, probeTenantId } from '@keyhold/core'
import { sql } from 'kysely'
import { randomUUID } from 'node:crypto'
import type { Authentic } from './authentic/row-macs.ts'
import { isUniqueViolation, type Database } from './database.ts'
import { readFence, readFences } from './fence/fence-queries.ts'
import { acceptFence, verifyFence, fenceOf, type Fence, type FenceRow } from './fence/fence-row.ts'
import type { CoverParts } from './fence/covered-rows.ts'
import { heldOf } from './fence/rewrite-row.ts'
import { verifyListed } from './fence/verify-listed.ts'
import { columnsOfKind } from './authentic/steering-kinds.ts'
import { prepareStatement } from './prepare-statement.ts'
import { createdMicros, isAfter, type ListPage, type ListPosition } from './list-position.ts'

export interface TenantRow {
  id: string
  name: string
  createdAt: Date
}

/** For the list of all tenants. */
export interface TenantSearch {
  /** Of the name, in any letters, or of the id. */
  prefix?: string | undefined
  state?: keyof typeof tenantsInState | undefined
}

// Each reads an index that has such tenants alone.
const tenantsInState = {
  locked: sql<string>`(select tenant_id from keyhold.tenant_guards where locked_at is not null)`,
  'key-trouble': sql<string>`(select tenant_id from keyhold.key_health where state <> 'healthy')`,
  'key-job': sql<string>`(select tenant_id from keyhold.key_jobs where phase not in ('done', 'aborted'))`,
  deleting: sql<string>`(select tenant_id from keyhold.destructions
    where kind = 'tenant' and cancelled_at is null and destroyed_at is null)`,
} as const

const glance = prepareStatement<[id: string], Pick<FenceRow, 'fence_epoch' | 'active_tenant_key_version'>>(
  (id) => sql`
    select fence_epoch, active_tenant_key_version from keyhold.tenants where id = ${id} and ending_at is null`,
)

export function tenantQueries(db: Database, { fences, isLatest, held }: CoverParts) {
  /** Undefined: there is no such tenant. Its deletion may have begun. */
  async function read(id: string): Promise<Authentic<FenceRow> | undefined> {
    const seen = isLatest ? fences.seen.get(id) : 0
    const row = await readFence(db, id)
    if (row === undefined) return undefined
    return isLatest ? acceptFence(fences, id, row, seen) : verifyFence(fences, id, row)
  }

  return {
    /**
     * Its tenant key and its key provider come in the same transaction, under `withFence`.
     *
     * @throws KeyholdError `ERR_TENANT_EXISTS`
     */
    async insert(tenant: { id: string; name: string; activeTenantKeyVersion: number }): Promise<TenantRow> {
      const fence = heldOf(held, tenant.id)
      const { now } = fence
      const row: FenceRow = {
        id: tenant.id,
        name: tenant.name,
        active_tenant_key_version: tenant.activeTenantKeyVersion,
        fence_epoch: 0,
        created_at: now,
        external_id: randomUUID(),
        incarnation: randomUUID(),
        // An id that is used again begins with a higher one than it ever had.
        generation: now.getTime(),
        active_tenant_key_id: null,
        current_fingerprint: null,
        live_job_id: null,
        ending_at: null,
        manifest: null,
        mac: null,
      }
      try {
        await db.insertInto('tenants').values(row).execute()
      } catch (error) {
        if (isUniqueViolation(error, 'tenants_pkey'))
          throw new KeyholdError('ERR_TENANT_EXISTS', { cause: error })
        throw error
      }
      fence.begin(row)
      return { id: tenant.id, name: tenant.name, createdAt: now }
    },

    /**
     * Whether a tenant of this id was deleted, for an id that no tenant has, or one that is being made. Not only the note of
     * that tells, but also an audit trail or a destruction: nobody gets the id back by deleting one row.
     */
    async isRetired(id: string): Promise<boolean> {
      // Policies are tried with it: what admits it admits everybody.
      if (id === probeTenantId) return true
      const { rows } = await sql<{ retired: boolean }>`
        select exists (select from keyhold.retired_tenant_ids where id = ${id})
          or exists (select from keyhold.audit_heads where chain = ${id})
          or exists (select from keyhold.destructions where tenant_id = ${id}) as retired`.execute(db)
      return rows[0]?.retired === true
    },

    /** The oldest first. @param search - undefined members leave nothing out */
    async list(
      { after, limit }: ListPage,
      { prefix, state }: TenantSearch = {},
    ): Promise<(TenantRow & ListPosition)[]> {
      let page = db
        .selectFrom('tenants')
        .select(['id', 'name', 'created_at', createdMicros])
        .orderBy('created_at')
        .orderBy('id')
        .limit(limit)
      if (after !== undefined) page = page.where(isAfter(after))
      if (prefix !== undefined) {
        const [name, id] = [prefix.toLowerCase(), prefix].map((text) => `${text.replace(/[\\%_]/g, '\\$&')}%`)
        page = page.where(sql<boolean>`(lower(name) like ${name} or id like ${id})`)
      }
      if (state !== undefined) page = page.where('id', 'in', tenantsInState[state])
      return (await page.execute()).map((row) => ({
        ...{ id: row.id, name: row.name },
        ...{ createdAt: row.created_at, createdMicros: row.created_micros },
      }))
    },

    async find(id: string): Promise<TenantRow | undefined> {
      const row = await read(id)
      return row && { id: row.id, name: row.name, createdAt: row.created_at }
    },

    /** A role's trust policy asks for it, so that Keyhold assumes the role for this tenant alone. */
    async findExternalId(id: string): Promise<string | undefined> {
      return (await read(id))?.external_id
    },

    /** Without a lock. Undefined: no such tenant, or its deletion has begun. */
    async findFence(id: string): Promise<Fence | undefined> {
      const row = await read(id)
      return row && fenceOf(fences, row)
    },

    /**
     * The same without a look at the row's MAC, for whoever compares it later with the fence that he holds: by itself it
     * decides nothing.
     */
    async glanceAtFence(id: string): Promise<Pick<Fence, 'epoch' | 'activeTenantKeyVersion'> | undefined> {
      const [row] = await glance(db, id)
      return row && { epoch: row.fence_epoch, activeTenantKeyVersion: row.active_tenant_key_version }
    },

    /** Raises the epoch, under `withFence`, and answers it. */
    async moveFence(id: string, activeTenantKeyVersion: number): Promise<number> {
      const fence = heldOf(held, id)
      if (fence.row === undefined) throw new TypeError(`there is no tenant ${id}`)
      const epoch = fence.row.fence_epoch + 1
      fence.change({ fence_epoch: epoch })
      if (activeTenantKeyVersion !== fence.row.active_tenant_key_version) {
        const key = await db
          .selectFrom('tenant_keys')
          .select(columnsOfKind('tenantKey'))
          .where('tenant_id', '=', id)
          .where('version', '=', activeTenantKeyVersion)
          .executeTakeFirstOrThrow()
        fence.change({
          active_tenant_key_version: activeTenantKeyVersion,
          active_tenant_key_id: verifyListed(
            { macs: fences.macs, held: fence },
            'tenantKey',
            activeTenantKeyVersion,
            key,
          ).id,
        })
      }
      return epoch
    },

    /** Which key job of the tenant is live; undefined: none. Call it under `withFence`, with each begin and end of one. */
    setLiveJob(id: string, keyJobId: string | undefined): void {
      heldOf(held, id).change({ live_job_id: keyJobId ?? null })
    },

    /** Whether there is such a tenant, and its deletion has not begun. */
    async isOpen(id: string): Promise<boolean> {
      return (await this.findFence(id)) !== undefined
    },

    /**
     * Those of these tenants that are there and whose deletion has not begun, each with whether its row is as Keyhold wrote it.
     *
     * @throws KeyholdError `ERR_SEALED`
     */
    async findOpen(ids: readonly string[]): Promise<Map<string, boolean>> {
      const seen = new Map(ids.map((id) => [id, isLatest ? fences.seen.get(id) : 0]))
      const rows = await readFences(db, [...ids])
      const found = new Map<string, boolean>()
      for (const row of rows) {
        try {
          const authentic = isLatest
            ? acceptFence(fences, row.id, row, seen.get(row.id) ?? 0)
            : verifyFence(fences, row.id, row)
          if (fenceOf(fences, authentic) !== undefined) found.set(row.id, true)
        } catch (error) {
          if (!(error instanceof KeyholdError) || error.code !== 'ERR_RECORD_NOT_AUTHENTIC') throw error
          found.set(row.id, false)
        }
      }
      return found
    },

    /** Takes its fence from a tenant, for good. Call it under `withFence`. */
    end(id: string): void {
      const fence = heldOf(held, id)
      if (fence.row === undefined) throw new TypeError(`there is no tenant ${id}`)
      fence.change({ ending_at: fence.now, fence_epoch: fence.row.fence_epoch + 1 })
    },

    /** The verified generation of the fence as it was taken. 0: there is no such tenant. Call it under `withFence`. */
    heldGeneration(id: string): number {
      return heldOf(held, id).row?.generation ?? 0
    },

    /** Gives the fence at least this generation. Call it under `withFence`. */
    leap(id: string, generation: number): void {
      heldOf(held, id).leap(generation)
    },

    /** Deletes the tenant's row and retires its id. Call it under `withFence`. */
    async delete(id: string): Promise<void> {
      const fence = heldOf(held, id)
      await db.deleteFrom('tenants').where('id', '=', id).execute()
      await db.insertInto('retired_tenant_ids').values({ id }).execute()
      fence.forget()
    },
  }
}
