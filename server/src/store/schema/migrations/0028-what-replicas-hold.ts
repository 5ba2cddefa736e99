// A replica tells which version it is and which root key file it holds, beside its sign of life. Replicas of the versions
// before tell nothing: their columns stay null.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const whatReplicasHold: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`
      alter table keyhold.replicas
        add column host text,
        add column version text,
        add column root_key_id text,
        add column requires_macs boolean`.execute(db)
  },
}
