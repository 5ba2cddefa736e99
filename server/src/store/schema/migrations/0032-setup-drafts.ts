// How far the people of a tenant are in setting up their key, so that another one of them goes on: one draft for each tenant, which
// expires. A draft decides nothing, but people confirm what it shows, so that it is authenticated.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create table keyhold.setup_drafts (
    tenant_id text primary key references keyhold.tenants on delete cascade,
    version bigint not null check (version > 0),
    step text not null,
    choices text not null check (length(choices) <= 16384),
    created_by text not null,
    created_at timestamptz not null,
    changed_by text not null,
    changed_at timestamptz not null,
    expires_at timestamptz not null check (expires_at > changed_at),
    mac bytea
  )`,
  sql`create index setup_drafts_expired on keyhold.setup_drafts (expires_at)`,
]

export const setupDrafts: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
