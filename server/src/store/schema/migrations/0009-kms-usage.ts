// What Keyhold has asked of AWS KMS, counted by day and tenant, for bills and for whoever wonders.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  // Without a reference to the tenant: what was called for one that is deleted has still to be paid for. The day is that
  // of UTC, the account that of the key, the outcome an error's code or ok.
  sql`create table keyhold.kms_usage (
    tenant_id text collate "C" not null,
    day date not null,
    region text not null,
    account text not null,
    action text not null,
    outcome text not null,
    paid_by text not null check (paid_by in ('keyhold', 'customer')),
    calls bigint not null,
    requests bigint not null,
    primary key (tenant_id, day, region, account, action, outcome, paid_by)
  )`,
  sql`create index kms_usage_day on keyhold.kms_usage (day)`,
]

export const kmsUsage: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
