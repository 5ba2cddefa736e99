// The settings of tenants, and the last drill of each tenant.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  // Null: as long as the operator allows.
  sql`alter table keyhold.tenants add column key_cache_ttl_seconds integer check (key_cache_ttl_seconds >= 0)`,

  // One row for each tenant, replaced by its next drill.
  sql`create table keyhold.dr_drills (
    tenant_id text collate "C" primary key references keyhold.tenants on delete cascade,
    id uuid not null,
    jws text not null,
    created_at timestamptz not null default now()
  )`,
]

export const tenantSettings: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
