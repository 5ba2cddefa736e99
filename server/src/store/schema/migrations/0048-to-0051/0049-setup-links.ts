// Setup links. Each stands beside an API key of the role `setup`, whose secret nobody has: the link ends with it, and it is revoked
// like any other. Replicas of the version before let callers of that role do nothing.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`alter table keyhold.api_keys
    drop constraint api_keys_role_check,
    add constraint api_keys_role_check check (role in
      ('tenant-admin', 'service', 'service-encrypt', 'auditor', 'security-officer', 'operator', 'setup'))`,
  sql`create table keyhold.setup_links (
    id text collate "C" primary key,
    tenant_id text not null,
    intent text not null check (intent in ('key-provider')),
    api_key_id text not null unique,
    secret_hash bytea not null,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz not null,
    max_uses integer not null,
    uses integer not null check (uses between 0 and max_uses),
    mac bytea
  )`,
  sql`create index setup_links_tenant_id on keyhold.setup_links (tenant_id, created_at, id)`,
]

export const setupLinks: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
