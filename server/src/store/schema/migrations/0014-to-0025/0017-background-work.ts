// Work that nobody asks for must find what is due without reading every tenant: sweeps and probes get indexes that hold
// no more than the candidates, probes get an urgency, and what replicas tell each other is kept for a while as rows.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create index tenant_keys_to_destroy on keyhold.tenant_keys (destroy_after, tenant_id, version)
    where state = 'decrypt-only' and destroy_after is not null`,
  sql`create index tenant_keys_active_since on keyhold.tenant_keys (created_at, tenant_id) where state = 'active'`,

  // urgency 0: somebody waits for the answer; 1: the key did not answer well; 2: it did. A replica claims a probe by moving
  // due_at, so that no index entry of a claimed one is read again. claimed_until serves replicas of the version before.
  // failures counts the probes in a row that failed themselves, so that they come less and less often.
  sql`alter table keyhold.key_probes
    add column urgency smallint not null default 2 check (urgency between 0 and 2),
    add column failures integer not null default 0`,
  sql`drop index keyhold.key_probes_due`,
  sql`create index key_probes_next on keyhold.key_probes (urgency, due_at)`,
  // Each probe changes an indexed column, twice: dead entries must go soon.
  sql`alter table keyhold.key_probes set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)`,
  // Who else stands on a KEK.
  sql`create index key_providers_of_key on keyhold.key_providers (fingerprint) where kms = 'aws'`,

  // Messages of one replica to the others. Transactions commit in another order than they take ids, so a reader goes by xid:
  // all transactions below a snapshot's xmin have ended before it.
  sql`create table keyhold.changes (
    id bigint generated always as identity primary key,
    xid xid8 not null default pg_current_xact_id(),
    origin uuid not null,
    content jsonb not null,
    created_at timestamptz not null default now()
  )`,
  sql`create index changes_by_age on keyhold.changes (created_at)`,
]

export const backgroundWork: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
