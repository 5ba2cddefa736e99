// The last drill of each tenant, as it was signed.
import { sql } from 'kysely'
import type { Database } from './database.ts'

export function drDrillQueries(db: Database) {
  return {
    /** Replaces the drill before. */
    async save(drill: { tenantId: string; id: string; jws: string }): Promise<void> {
      const values = { id: drill.id, jws: drill.jws }
      await db
        .insertInto('dr_drills')
        .values({ tenant_id: drill.tenantId, ...values })
        .onConflict((conflict) =>
          conflict.column('tenant_id').doUpdateSet({ ...values, created_at: sql`now()` }),
        )
        .execute()
    },

    /** The report, byte for byte; undefined: the tenant had no drill. */
    async find(tenantId: string): Promise<{ id: string; jws: string } | undefined> {
      return db
        .selectFrom('dr_drills')
        .select(['id', 'jws'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst()
    },
  }
}
