// Locked tenants: the kill switch, as every replica reads it.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { Database } from './database.ts'

export interface TenantLockRow {
  tenantId: string
  lockedAt: Date
  /** The API key that did it. */
  lockedBy: string
}

export function tenantLockQueries(db: Database) {
  return {
    /**
     * Locks a tenant; a lock that is there already stays as it is.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`
     */
    async lock(tenantId: string, lockedBy: string): Promise<TenantLockRow> {
      // From the tenant's row: an access token outlives a deleted tenant for a moment.
      await sql`
        insert into keyhold.tenant_locks (tenant_id, locked_by)
        select id, ${lockedBy} from keyhold.tenants where id = ${tenantId}
        on conflict do nothing`.execute(db)
      const row = await db
        .selectFrom('tenant_locks')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst()
      if (row === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
      return { tenantId, lockedAt: row.locked_at, lockedBy: row.locked_by }
    },

    async unlock(tenantId: string): Promise<void> {
      await db.deleteFrom('tenant_locks').where('tenant_id', '=', tenantId).execute()
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
