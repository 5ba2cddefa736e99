// MACs beside the rows that steer, and what must stand in a row to be covered by one: what a tenant's keys do stands in its
// fence, what its administrator decides in its guard. All of it is null until Keyhold writes the row again, or the operator
// adopts what is there.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const tablesWithMac = [
  'tenant_keys',
  'key_providers',
  'key_jobs',
  'key_job_failures',
  'destructions',
  'api_keys',
  'key_health',
  'installation',
  'audits',
  'audit_heads',
]

const statements = [
  ...tablesWithMac.map((table) => sql`alter table ${sql.table(`keyhold.${table}`)} add column mac bytea`),

  // An incarnation is of one tenant alone, also where an id is used again. A generation rises with each change of its row, so
  // that an older row is known by it.
  sql`alter table keyhold.tenants
    add column mac bytea,
    add column incarnation uuid not null default gen_random_uuid(),
    add column generation bigint not null default 0,
    add column active_tenant_key_id uuid,
    add column current_fingerprint text collate "C",
    add column live_job_id uuid,
    add column manifest bytea`,
  sql`update keyhold.tenants t set
    active_tenant_key_id = (select id from keyhold.tenant_keys v
      where v.tenant_id = t.id and v.version = t.active_tenant_key_version),
    current_fingerprint = (select fingerprint from keyhold.key_providers p where p.tenant_id = t.id and p.is_current),
    live_job_id = (select id from keyhold.key_jobs j where j.tenant_id = t.id and j.phase not in ('done', 'aborted'))`,

  // Replicas of the version before know tenant_locks and tenants.key_cache_ttl_seconds alone; both stay for them.
  sql`create table keyhold.tenant_guards (
    tenant_id text collate "C" primary key references keyhold.tenants on delete cascade,
    incarnation uuid not null,
    generation bigint not null default 0,
    locked_at timestamptz,
    locked_by text,
    key_cache_ttl_seconds integer,
    api_key_generation bigint not null default 0,
    mac bytea,
    check ((locked_at is null) = (locked_by is null))
  )`,
  sql`insert into keyhold.tenant_guards (tenant_id, incarnation, locked_at, locked_by, key_cache_ttl_seconds)
    select t.id, t.incarnation, l.locked_at, l.locked_by, t.key_cache_ttl_seconds
    from keyhold.tenants t left join keyhold.tenant_locks l on l.tenant_id = t.id`,

  // The regions that may stand in for a key's own, out of its inspection, whose bytes are not stable.
  sql`alter table keyhold.key_providers add column replica_regions text[]`,
  sql`update keyhold.key_providers set replica_regions = array(select jsonb_array_elements_text(
    jsonb_path_query_array(inspection, '$.replicaKeys[*].region ? (@.type() == "string")')))
    where inspection is not null`,

  sql`alter table keyhold.key_jobs add column progress_mac bytea`,
  sql`alter table keyhold.destructions add column cipherkeys_digest bytea`,

  // The minimum was told by the state of cipherkeys alone, which no MAC covers.
  sql`create table keyhold.minimum_versions (
    tenant_id text collate "C" not null references keyhold.tenants on delete cascade,
    data_key_id uuid not null,
    minimum_version integer not null check (minimum_version > 1),
    mac bytea,
    primary key (tenant_id, data_key_id)
  )`,

  sql`alter table keyhold.api_keys add column generation bigint not null default 0`,
  sql`alter table keyhold.installation
    add column generation bigint not null default 0,
    add column api_key_generation bigint not null default 0`,
]

export const authenticRows: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
