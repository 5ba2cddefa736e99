// Locked tenants: the kill switch, as every replica reads it.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { Database } from './database.ts'

export interface TenantLockRow {
  tenantId: string
  lockedAt: Date
  /** The API key that locked it. */
  lockedBy: string
}

export function tenantLockQueries(db: Database) {
  return {
    /**
     * Locks a tenant. An existing lock stays as it is. Answers also whether the lock is new.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`
     */
    async lock(tenantId: string, lockedBy: string): Promise<TenantLockRow & { isNew: boolean }> {
      // It is inserted from the tenant's row, since an access token outlives a deleted tenant for a moment.
      const { rows } = await sql`
        insert into keyhold.tenant_locks (tenant_id, locked_by)
        select id, ${lockedBy} from keyhold.tenants where id = ${tenantId}
        on conflict do nothing returning 1`.execute(db)
      const row = await db
        .selectFrom('tenant_locks')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst()
      if (row === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
      return { tenantId, lockedAt: row.locked_at, lockedBy: row.locked_by, isNew: rows.length > 0 }
    },

    /** Answers whether the tenant was locked. */
    async unlock(tenantId: string): Promise<boolean> {
      const result = await db.deleteFrom('tenant_locks').where('tenant_id', '=', tenantId).executeTakeFirst()
      return result.numDeletedRows > 0n
    },

    async list(): Promise<TenantLockRow[]> {
      const rows = await db.selectFrom('tenant_locks').selectAll().execute()
      return rows.map((row) => ({
        tenantId: row.tenant_id,
        lockedAt: row.locked_at,
        lockedBy: row.locked_by,
      }))
    },
  }
}
