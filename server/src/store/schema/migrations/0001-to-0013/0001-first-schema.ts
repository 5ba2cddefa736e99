// The first schema. Rows never leave a state in which a key that still wraps something could be forgotten: foreign
// keys restrict, and a tenant key version is emptied, not deleted, when it is destroyed.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create table keyhold.installation (
    singleton boolean primary key default true check (singleton),
    id uuid not null,
    root_key_id text not null,
    root_key_check_value bytea not null check (length(root_key_check_value) = 32),
    created_at timestamptz not null default now()
  )`,

  // epoch rises whenever another version wraps new data keys. Wraps of an older epoch must not be committed.
  sql`create table keyhold.tenants (
    id text collate "C" primary key check (id ~ '^[A-Za-z0-9_-]{1,64}$'),
    name text not null,
    epoch bigint not null default 0,
    active_tenant_key_version integer not null,
    created_at timestamptz not null default now()
  )`,

  sql`create table keyhold.key_providers (
    tenant_id text collate "C" not null references keyhold.tenants on delete restrict,
    fingerprint text collate "C" not null,
    kms text not null check (kms in ('internal', 'aws')),
    key_arn text not null,
    name text not null,
    description text not null default '',
    is_current boolean not null default false,
    created_at timestamptz not null default now(),
    promoted_at timestamptz,
    demoted_at timestamptz,
    inspection jsonb,
    inspected_at timestamptz,
    primary key (tenant_id, fingerprint)
  )`,
  sql`create unique index key_providers_one_current on keyhold.key_providers (tenant_id) where is_current`,

  // key_arn is kept as long as the version lives, whatever happens to the provider's entry.
  sql`create table keyhold.tenant_keys (
    tenant_id text collate "C" not null references keyhold.tenants on delete restrict,
    version integer not null check (version >= 1),
    id uuid not null unique,
    state text not null check (state in ('pending', 'active', 'decrypt-only', 'destroyed')),
    key_arn text not null,
    wrapped bytea,
    key_check_value bytea not null check (length(key_check_value) = 32),
    created_at timestamptz not null default now(),
    destroy_after timestamptz,
    destroyed_at timestamptz,
    primary key (tenant_id, version),
    check ((wrapped is null) = (state = 'destroyed'))
  )`,
  sql`create unique index tenant_keys_one_active on keyhold.tenant_keys (tenant_id) where state = 'active'`,

  // No index names tenant_key_version or wrapped, and half of each page stays free: so rewrapping a row is an
  // update in place (HOT) that touches no index.
  sql`create table keyhold.cipherkeys (
    tenant_id text collate "C" not null,
    data_key_id uuid not null,
    version integer not null check (version >= 1),
    key_name text collate "C",
    state text not null check (state in ('active', 'decrypt-only')),
    tenant_key_version integer not null,
    wrapped bytea not null,
    key_check_value bytea not null check (length(key_check_value) = 32),
    created_at timestamptz not null default now(),
    primary key (tenant_id, data_key_id, version),
    foreign key (tenant_id, tenant_key_version) references keyhold.tenant_keys (tenant_id, version) on delete restrict
  ) with (fillfactor = 50)`,
  sql`create unique index cipherkeys_one_active on keyhold.cipherkeys (tenant_id, key_name)
    where state = 'active' and key_name is not null`,

  sql`create table keyhold.key_jobs (
    id uuid primary key,
    tenant_id text collate "C" not null references keyhold.tenants on delete restrict,
    kind text not null check (kind in ('migrate')),
    phase text not null
      check (phase in ('prepare', 'dual', 'copy', 'verify', 'cutover', 'done', 'aborting', 'aborted')),
    source_fingerprint text not null,
    source_key_arn text not null,
    source_version integer not null,
    target_fingerprint text not null,
    target_key_arn text not null,
    target_version integer,
    epoch bigint,
    copied_to_data_key_id uuid,
    copied_to_version integer,
    total bigint not null default 0,
    copied bigint not null default 0,
    failed bigint not null default 0,
    last_error jsonb,
    created_at timestamptz not null default now(),
    completed_at timestamptz,
    leased_by uuid,
    lease_expires_at timestamptz,
    retry_at timestamptz
  )`,
  sql`create unique index key_jobs_one_live on keyhold.key_jobs (tenant_id) where phase not in ('done', 'aborted')`,
  sql`create index key_jobs_history on keyhold.key_jobs (tenant_id, created_at)`,

  sql`create table keyhold.key_job_failures (
    key_job_id uuid not null references keyhold.key_jobs on delete restrict,
    data_key_id uuid not null,
    version integer not null,
    code text not null,
    created_at timestamptz not null default now(),
    primary key (key_job_id, data_key_id, version)
  )`,

  sql`create table keyhold.api_keys (
    id text collate "C" primary key,
    secret_hash bytea not null check (length(secret_hash) = 32),
    role text not null check (role in ('tenant-admin', 'service', 'operator')),
    tenant_id text collate "C" references keyhold.tenants on delete restrict,
    name text not null,
    created_at timestamptz not null default now(),
    check (case role when 'operator' then tenant_id is null when 'tenant-admin' then tenant_id is not null else true end)
  )`,
]

export const firstSchema: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
