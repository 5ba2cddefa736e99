// Ids of deleted tenants. They are never used again: an API key, a cached key or a customer's key policy that still
// names the old tenant must not meet a new one.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const retiredTenantIds: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create table keyhold.retired_tenant_ids (
      id text collate "C" primary key,
      retired_at timestamptz not null default now()
    )`.execute(db)
  },
}
