// Tenants, and what their fence protects: the epoch, and the version that wraps new data keys.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import { isUniqueViolation, type Database } from './database.ts'
import type { Fence } from './fence/fence-queries.ts'
import { createdMicros, isAfter, type ListPage, type ListPosition } from './list-position.ts'

export interface TenantRow {
  id: string
  name: string
  createdAt: Date
}

export function tenantQueries(db: Database) {
  return {
    /** @throws KeyholdError `ERR_TENANT_EXISTS` */
    async insert(tenant: { id: string; name: string; activeTenantKeyVersion: number }): Promise<TenantRow> {
      try {
        const row = await db
          .insertInto('tenants')
          .values({
            id: tenant.id,
            name: tenant.name,
            active_tenant_key_version: tenant.activeTenantKeyVersion,
          })
          .returning('created_at')
          .executeTakeFirstOrThrow()
        return { id: tenant.id, name: tenant.name, createdAt: row.created_at }
      } catch (error) {
        if (isUniqueViolation(error, 'tenants_pkey'))
          throw new KeyholdError('ERR_TENANT_EXISTS', { cause: error })
        throw error
      }
    },

    /** Whether a tenant of this id was deleted. */
    async isRetired(id: string): Promise<boolean> {
      const row = await db
        .selectFrom('retired_tenant_ids')
        .select('id')
        .where('id', '=', id)
        .executeTakeFirst()
      return row !== undefined
    },

    /** The oldest first. */
    async list({ after, limit }: ListPage): Promise<(TenantRow & ListPosition)[]> {
      let page = db
        .selectFrom('tenants')
        .select(['id', 'name', 'created_at', createdMicros])
        .orderBy('created_at')
        .orderBy('id')
        .limit(limit)
      if (after !== undefined) page = page.where(isAfter(after))
      return (await page.execute()).map((row) => ({
        ...{ id: row.id, name: row.name },
        ...{ createdAt: row.created_at, createdMicros: row.created_micros },
      }))
    },

    async find(id: string): Promise<TenantRow | undefined> {
      const row = await db
        .selectFrom('tenants')
        .select(['id', 'name', 'created_at'])
        .where('id', '=', id)
        .executeTakeFirst()
      return row && { id: row.id, name: row.name, createdAt: row.created_at }
    },

    /** A role's trust policy asks for it, so that Keyhold assumes the role for this tenant alone. */
    async findExternalId(id: string): Promise<string | undefined> {
      const row = await db.selectFrom('tenants').select('external_id').where('id', '=', id).executeTakeFirst()
      return row?.external_id
    },

    /** Without a lock. Undefined: no such tenant, or its deletion has begun. */
    async findFence(id: string): Promise<Fence | undefined> {
      const row = await db
        .selectFrom('tenants')
        .select(['fence_epoch', 'active_tenant_key_version'])
        .where('id', '=', id)
        .where('ending_at', 'is', null)
        .executeTakeFirst()
      return row && { epoch: row.fence_epoch, activeTenantKeyVersion: row.active_tenant_key_version }
    },

    /** Raises the epoch, under `withFence`, and answers it. */
    async moveFence(id: string, activeTenantKeyVersion: number): Promise<number> {
      const row = await db
        .updateTable('tenants')
        .set({ fence_epoch: sql`fence_epoch + 1`, active_tenant_key_version: activeTenantKeyVersion })
        .where('id', '=', id)
        .returning('fence_epoch')
        .executeTakeFirstOrThrow()
      return row.fence_epoch
    },

    /** How long the tenant's keys may be held; undefined: as the operator allows. Throws `ERR_TENANT_NOT_FOUND`. */
    async getKeyCacheTtlSeconds(id: string): Promise<number | undefined> {
      const row = await db
        .selectFrom('tenants')
        .select('key_cache_ttl_seconds')
        .where('id', '=', id)
        .executeTakeFirst()
      if (row === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
      return row.key_cache_ttl_seconds ?? undefined
    },

    /** Throws `ERR_TENANT_NOT_FOUND`. */
    async setKeyCacheTtlSeconds(id: string, seconds: number | undefined): Promise<void> {
      const row = await db
        .updateTable('tenants')
        .set({ key_cache_ttl_seconds: seconds ?? null })
        .where('id', '=', id)
        .returning('id')
        .executeTakeFirst()
      if (row === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    },

    /** Whether there is such a tenant, and its deletion has not begun. */
    async isOpen(id: string): Promise<boolean> {
      return (await this.findFence(id)) !== undefined
    },

    /** Takes its fence from a tenant, for good. Call it under `withFence`. */
    async end(id: string): Promise<void> {
      await db
        .updateTable('tenants')
        .set({ ending_at: sql<Date>`now()`, fence_epoch: sql`fence_epoch + 1` })
        .where('id', '=', id)
        .returning('id')
        .executeTakeFirstOrThrow()
    },

    /** Deletes the tenant's row and retires its id. */
    async delete(id: string): Promise<void> {
      await db.deleteFrom('tenants').where('id', '=', id).execute()
      await db.insertInto('retired_tenant_ids').values({ id }).execute()
    },
  }
}
