// The drills of each tenant, as they were signed: the last one, and those before.
import { sql } from 'kysely'
import type { Database } from './database.ts'

export interface StoredDrill {
  id: string
  /** The report, byte for byte. */
  jws: string
}

// A drill a week for two years.
const keptDrills = 104

export function drDrillQueries(db: Database) {
  return {
    /** It becomes the last one. The oldest ones are forgotten. */
    async save(drill: { tenantId: string; id: string; jws: string }): Promise<void> {
      const { tenantId } = drill
      const values = { id: drill.id, jws: drill.jws }
      const row = { tenant_id: tenantId, ...values }
      await db
        .insertInto('dr_drills')
        .values(row)
        .onConflict((conflict) =>
          conflict.column('tenant_id').doUpdateSet({ ...values, created_at: sql`now()` }),
        )
        .execute()
      await db.insertInto('dr_drill_history').values(row).execute()
      await sql`delete from keyhold.dr_drill_history where tenant_id = ${tenantId} and id <= (
        select id from keyhold.dr_drill_history where tenant_id = ${tenantId}
        order by id desc offset ${keptDrills} limit 1)`.execute(db)
    },

    /** Undefined: the tenant had no drill. */
    async find(tenantId: string): Promise<StoredDrill | undefined> {
      return db
        .selectFrom('dr_drills')
        .select(['id', 'jws'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst()
    },

    /** The newest first; `before` is the id of the last one seen. A replica of the version before has written the last one alone. */
    async list(tenantId: string, limit: number, before?: string): Promise<StoredDrill[]> {
      const isBefore = before === undefined ? sql`true` : sql`id < ${before}::uuid`
      const { rows } = await sql<StoredDrill>`
        select id, jws from keyhold.dr_drill_history where tenant_id = ${tenantId} and ${isBefore}
        union select id, jws from keyhold.dr_drills where tenant_id = ${tenantId} and ${isBefore}
        order by id desc limit ${limit}`.execute(db)
      return rows
    },
  }
}
