// The type of the policy that refused a key, as AWS names it. Replicas of the previous version do not know the column: what
// they write leaves it as it is, and it is read only for refusals by a policy.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const denyingPolicy: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table keyhold.key_health add column policy text`.execute(db)
  },
}
