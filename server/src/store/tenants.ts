// Tenants, and the fence: the tenant's row, which every writer of keys locks and reads again.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import { isUniqueViolation, type Database } from './database.ts'

export interface TenantRow {
  id: string
  name: string
  createdAt: Date
}

/** The version that wraps new data keys, and the epoch in which that holds. */
export interface Fence {
  epoch: number
  activeTenantKeyVersion: number
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

    async list(): Promise<TenantRow[]> {
      const rows = await db
        .selectFrom('tenants')
        .select(['id', 'name', 'created_at'])
        .orderBy('created_at')
        .execute()
      return rows.map((row) => ({ id: row.id, name: row.name, createdAt: row.created_at }))
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

    async findFence(id: string): Promise<Fence | undefined> {
      const row = await db
        .selectFrom('tenants')
        .select(['epoch', 'active_tenant_key_version'])
        .where('id', '=', id)
        .executeTakeFirst()
      return row && { epoch: row.epoch, activeTenantKeyVersion: row.active_tenant_key_version }
    },

    /** For transactions that write cipherkeys: the fence does not move until they end. Undefined: no such tenant. */
    async lockFenceShared(id: string): Promise<Fence | undefined> {
      const row = await db
        .selectFrom('tenants')
        .select(['epoch', 'active_tenant_key_version'])
        .where('id', '=', id)
        .forShare()
        .executeTakeFirst()
      return row && { epoch: row.epoch, activeTenantKeyVersion: row.active_tenant_key_version }
    },

    /** For transactions that move the fence: waits until no writer of cipherkeys holds it. */
    async lockFence(id: string): Promise<Fence | undefined> {
      const row = await db
        .selectFrom('tenants')
        .select(['epoch', 'active_tenant_key_version'])
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirst()
      return row && { epoch: row.epoch, activeTenantKeyVersion: row.active_tenant_key_version }
    },

    /** Raises the epoch, under `lockFence`, and answers it. */
    async moveFence(id: string, activeTenantKeyVersion: number): Promise<number> {
      const row = await db
        .updateTable('tenants')
        .set({ epoch: sql`epoch + 1`, active_tenant_key_version: activeTenantKeyVersion })
        .where('id', '=', id)
        .returning('epoch')
        .executeTakeFirstOrThrow()
      return row.epoch
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

    /** Deletes the tenant's row and retires its id. */
    async delete(id: string): Promise<void> {
      await db.deleteFrom('tenants').where('id', '=', id).execute()
      await db.insertInto('retired_tenant_ids').values({ id }).execute()
    },
  }
}
