// Tenant key versions as stored: wrapped, each under the key that its own row names.
import type { Database } from './database.ts'
import type { TenantKeyState } from './tables.ts'

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

export function tenantKeyQueries(db: Database) {
  return {
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
    },

    async find(tenantId: string, version: number): Promise<TenantKeyRow | undefined> {
      const row = await db
        .selectFrom('tenant_keys')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('version', '=', version)
        .executeTakeFirst()
      return (
        row && {
          tenantId: row.tenant_id,
          version: row.version,
          id: row.id,
          state: row.state,
          keyArn: row.key_arn,
          wrapped: row.wrapped ?? undefined,
          keyCheckValue: row.key_check_value,
        }
      )
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

    /** How many versions that may still be needed are wrapped by a key. */
    async countInUse(tenantId: string, keyArn: string): Promise<number> {
      const row = await db
        .selectFrom('tenant_keys')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('tenant_id', '=', tenantId)
        .where('key_arn', '=', keyArn)
        .where('state', 'in', ['pending', 'active'])
        .executeTakeFirstOrThrow()
      return row.count
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

    /** Ends the versions below `version` that have no end yet: at once, or at `destroyAfter`. */
    async retireBelow(tenantId: string, version: number, destroyAfter: Date | undefined): Promise<void> {
      await db
        .updateTable('tenant_keys')
        .set(
          destroyAfter === undefined
            ? { state: 'destroyed', wrapped: null, destroyed_at: new Date() }
            : { state: 'decrypt-only', destroy_after: destroyAfter },
        )
        .where('tenant_id', '=', tenantId)
        .where('version', '<', version)
        .where('state', '!=', 'destroyed')
        .where('destroy_after', 'is', null)
        .execute()
    },

    /** Versions whose backup retention has passed. */
    async listDueForDestruction(now: Date): Promise<{ tenantId: string; version: number }[]> {
      const rows = await db
        .selectFrom('tenant_keys')
        .select(['tenant_id', 'version'])
        .where('state', '=', 'decrypt-only')
        .where('destroy_after', '<=', now)
        .execute()
      return rows.map((row) => ({ tenantId: row.tenant_id, version: row.version }))
    },

    async destroy(tenantId: string, version: number): Promise<void> {
      await db
        .updateTable('tenant_keys')
        .set({ state: 'destroyed', wrapped: null, destroyed_at: new Date() })
        .where('tenant_id', '=', tenantId)
        .where('version', '=', version)
        .where('state', '=', 'decrypt-only')
        .execute()
    },

    async deleteAll(tenantId: string): Promise<void> {
      await db.deleteFrom('tenant_keys').where('tenant_id', '=', tenantId).execute()
    },
  }
}
