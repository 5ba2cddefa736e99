// The tenants' kill switch, and the known states of customers' keys: the last answer of each region, and the time of the
// next probe.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  // The table has few rows: every replica reads all of them every two seconds.
  sql`create table keyhold.tenant_locks (
    tenant_id text collate "C" primary key references keyhold.tenants on delete cascade,
    locked_at timestamptz not null default now(),
    locked_by text not null
  )`,

  // The code is that of the last error; null: the KMS said yes. The candidate is an answer that contradicts the state
  // and has not been confirmed yet.
  sql`create table keyhold.key_health (
    tenant_id text collate "C" not null,
    fingerprint text collate "C" not null,
    region text not null,
    state text not null check (state in (
      'healthy', 'denied', 'disabled', 'pendingDeletion', 'notFound', 'throttled', 'unreachable', 'misconfigured'
    )),
    code text,
    action text,
    since timestamptz not null,
    checked_at timestamptz not null,
    candidate_state text,
    primary key (tenant_id, fingerprint, region),
    foreign key (tenant_id, fingerprint) references keyhold.key_providers (tenant_id, fingerprint) on delete cascade,
    check ((state = 'healthy') = (code is null))
  )`,

  // Keys that were registered before were tested then, and nothing else is known of them.
  sql`insert into keyhold.key_health (tenant_id, fingerprint, region, state, since, checked_at)
    select tenant_id, fingerprint, split_part(key_arn, ':', 4), 'healthy', inspected_at, inspected_at
    from keyhold.key_providers where kms = 'aws' and inspected_at is not null`,

  sql`create table keyhold.key_probes (
    tenant_id text collate "C" not null,
    fingerprint text collate "C" not null,
    due_at timestamptz not null,
    leased_until timestamptz,
    primary key (tenant_id, fingerprint),
    foreign key (tenant_id, fingerprint) references keyhold.key_providers (tenant_id, fingerprint) on delete cascade
  )`,
  sql`create index key_probes_due on keyhold.key_probes (due_at)`,
]

export const keyHealth: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
