// Columns and tables with which a key job can be cancelled, wait for repairs, verify, and rotate a tenant key.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`alter table keyhold.key_jobs
    drop constraint key_jobs_kind_check,
    add constraint key_jobs_kind_check check (kind in ('migrate', 'rotate')),
    add column verified bigint not null default 0,
    add column retry_count integer not null default 0,
    add column cancelled_at timestamptz,
    add column copy_started_at timestamptz,
    add column copy_ended_at timestamptz,
    add column verification jsonb`,

  // The version that wrapped a cipherkey when it was set aside, and the API key that accepted that it stays behind.
  sql`alter table keyhold.key_job_failures
    add column tenant_key_version integer,
    add column accepted_at timestamptz,
    add column accepted_by text`,

  // A report is kept byte for byte as it was signed: otherwise its signature would not hold.
  sql`create table keyhold.key_job_reports (
    key_job_id uuid primary key references keyhold.key_jobs on delete restrict,
    jws text not null,
    created_at timestamptz not null default now()
  )`,

  // The private key is wrapped by the root key. The first replica that comes here sets both, once.
  sql`alter table keyhold.installation
    add column signing_key_id text,
    add column signing_public_key bytea,
    add column signing_private_key_wrapped bytea,
    add constraint installation_signing_key_whole check (
      (signing_key_id is null) = (signing_public_key is null)
      and (signing_key_id is null) = (signing_private_key_wrapped is null)
    )`,
]

export const keyJobControl: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
