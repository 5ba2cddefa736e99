// Names columns as everything else does: a run has the lead of a key job, and a replica claims a probe. No release had
// the former words, so no replica that knows them alone runs beside this schema.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`alter table keyhold.key_jobs rename column leased_by to led_by`,
  sql`alter table keyhold.key_jobs rename column lease_expires_at to lead_expires_at`,
  sql`alter table keyhold.key_probes rename column leased_until to claimed_until`,
]

export const leadAndClaim: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
