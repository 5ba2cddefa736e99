// Lists of tenants and API keys come page by page, by the time of creation. What metrics say of whole tables is counted
// seldom and kept in one row, so that no scrape counts.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create index tenants_by_age on keyhold.tenants (created_at, id)`,
  sql`create index api_keys_by_age on keyhold.api_keys (created_at, id)`,
  // took_ms decides how soon it is counted again. The row is there from the start, since replicas lock it.
  sql`create table keyhold.metric_counts (
    id boolean primary key default true check (id),
    counted_at timestamptz,
    took_ms double precision not null default 0,
    counts jsonb
  )`,
  sql`insert into keyhold.metric_counts default values`,
]

export const listsAndCounts: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
