// Keyhold's calls to AWS KMS, counted by day and tenant, for bills and for their explanation.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  // There is no reference to the tenant, since calls for a deleted tenant must still be paid for. The day is in UTC, the
  // account is the key's, and the outcome is the code of an error or ok.
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
