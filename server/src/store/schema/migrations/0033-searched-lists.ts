// Indexes for lists that people search: audit records by action, by actor and by time; tenants by name, and by what is the matter with
// them. The id of a tenant is compared by bytes for prefixes.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create index audits_by_time on keyhold.audits (chain, at, sequence)`,
  sql`create index audits_by_action on keyhold.audits (chain, action, at, sequence)`,
  sql`create index audits_by_actor on keyhold.audits (chain, actor_id, at, sequence)`,
  sql`create index tenants_by_name on keyhold.tenants (lower(name) text_pattern_ops)`,
  sql`create index tenants_by_prefix on keyhold.tenants (id text_pattern_ops)`,
  sql`create index tenant_guards_locked on keyhold.tenant_guards (tenant_id) where locked_at is not null`,
  sql`create index key_health_troubled on keyhold.key_health (tenant_id) where state <> 'healthy'`,
]

export const searchedLists: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
