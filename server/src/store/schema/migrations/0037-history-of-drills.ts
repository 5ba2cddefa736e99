// The drills of a tenant, as they were signed; dr_drills goes on having the last one, for replicas of the version before.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create table keyhold.dr_drill_history (
    tenant_id text collate "C" references keyhold.tenants on delete cascade,
    id uuid,
    jws text not null,
    primary key (tenant_id, id)
  )`,
  sql`insert into keyhold.dr_drill_history (tenant_id, id, jws) select tenant_id, id, jws from keyhold.dr_drills`,
]

export const historyOfDrills: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
