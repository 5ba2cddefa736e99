// A key that is lost may leave millions of cipherkeys of one tenant set aside. How many there are is kept, by key job,
// version and reason, so that nobody counts them, and those of one version are found without a look at the others'.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

// Replicas of an earlier version know nothing of the counts: so the database itself keeps them. Rows of one key job change
// in one transaction at a time, but for those that get another reason, and all go through the counts in one order.
const groups = (rows: string, sign: 1 | -1) => `
  select key_job_id, coalesce(tenant_key_version, 0) as tenant_key_version, code,
    ${sign} * count(*) filter (where accepted_at is null) as open, ${sign} * count(accepted_at) as accepted
  from ${rows} group by 1, 2, 3`
const add = (changes: string) => `
  insert into keyhold.key_job_failure_counts as c (key_job_id, tenant_key_version, code, open, accepted)
  select key_job_id, tenant_key_version, code, sum(open), sum(accepted) from (${changes}) as n
  group by 1, 2, 3 having sum(open) <> 0 or sum(accepted) <> 0 order by 1, 2, 3
  on conflict (key_job_id, tenant_key_version, code)
    do update set open = c.open + excluded.open, accepted = c.accepted + excluded.accepted;`

const events = [
  { event: 'insert', tables: 'new table as new_rows', changes: groups('new_rows', 1) },
  { event: 'delete', tables: 'old table as old_rows', changes: groups('old_rows', -1) },
  {
    event: 'update',
    tables: 'old table as old_rows new table as new_rows',
    changes: `${groups('new_rows', 1)} union all ${groups('old_rows', -1)}`,
  },
]

const statements = [
  sql`lock table keyhold.key_job_failures in share row exclusive mode`,
  // Version 0: it is not known which one wrapped the cipherkey.
  sql`create table keyhold.key_job_failure_counts (
    key_job_id uuid not null references keyhold.key_jobs on delete cascade,
    tenant_key_version integer not null,
    code text not null,
    open bigint not null,
    accepted bigint not null,
    primary key (key_job_id, tenant_key_version, code)
  )`,
  sql.raw(add(groups('keyhold.key_job_failures', 1))),
  ...events.flatMap(({ event, tables, changes }) => [
    sql.raw(`create function keyhold.count_failures_on_${event}() returns trigger language plpgsql as $$
      begin ${add(changes)} return null; end $$`),
    sql.raw(`create trigger key_job_failures_counted_on_${event} after ${event} on keyhold.key_job_failures
      referencing ${tables} for each statement execute function keyhold.count_failures_on_${event}()`),
  ]),
  sql`create index key_job_failures_by_version on keyhold.key_job_failures
    (key_job_id, tenant_key_version, data_key_id, version)`,
]

export const failureCounts: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
