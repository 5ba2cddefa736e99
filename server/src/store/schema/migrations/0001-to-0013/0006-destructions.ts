// Destructions that people schedule, and the signed records of completed ones. Records outlive their tenants: nothing
// here refers to a tenant by a foreign key.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  // data_key_id is set when the destruction is scheduled: a name stands for one data key for as long as that lives.
  sql`create table keyhold.destructions (
    id uuid primary key,
    tenant_id text collate "C" not null,
    kind text not null check (kind in ('tenant', 'data-key')),
    key_name text collate "C",
    data_key_id uuid,
    scheduled_by text not null,
    scheduled_at timestamptz not null default now(),
    due_at timestamptz not null,
    cancelled_by text,
    cancelled_at timestamptz,
    destroyed_at timestamptz,
    jws text,
    check ((kind = 'data-key') = (key_name is not null)),
    check ((key_name is null) = (data_key_id is null)),
    check ((cancelled_at is null) = (cancelled_by is null)),
    check ((destroyed_at is null) = (jws is null)),
    check (cancelled_at is null or destroyed_at is null)
  )`,
  sql`create unique index destructions_one_open_of_tenant on keyhold.destructions (tenant_id)
    where kind = 'tenant' and cancelled_at is null and destroyed_at is null`,
  sql`create unique index destructions_one_open_of_data_key on keyhold.destructions (tenant_id, key_name)
    where kind = 'data-key' and cancelled_at is null and destroyed_at is null`,
  sql`create index destructions_due on keyhold.destructions (due_at)
    where cancelled_at is null and destroyed_at is null`,
  sql`create index destructions_history on keyhold.destructions (tenant_id, id)`,
]

export const destructions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
