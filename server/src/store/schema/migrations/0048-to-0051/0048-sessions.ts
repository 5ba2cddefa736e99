// Sessions of people. A row never changes but for the time of its last use, which is signed with it: a row that somebody puts back
// after its end is one that nobody has used for long. Replicas of the version before know no sessions, and leave the table alone.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create table keyhold.sessions (
    id text collate "C" primary key,
    secret_hash bytea not null,
    kind text not null check (kind in ('browser', 'cli')),
    api_key_id text,
    issuer text,
    subject text,
    provider_session text,
    name text not null,
    role text not null,
    tenant_id text,
    scopes text[],
    created_at timestamptz not null,
    signed_in_at timestamptz not null,
    seen_at timestamptz not null,
    ends_at timestamptz not null,
    mac bytea,
    check ((api_key_id is null) = (issuer is not null)),
    check ((issuer is null) = (subject is null))
  )`,
  sql`create index sessions_created_at on keyhold.sessions (created_at, id)`,
  sql`create index sessions_tenant_id on keyhold.sessions (tenant_id, created_at, id)`,
  sql`create index sessions_api_key_id on keyhold.sessions (api_key_id) where api_key_id is not null`,
  sql`create index sessions_person on keyhold.sessions (issuer, subject) where issuer is not null`,
]

export const sessions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
