// How a customer's key is reached, and under which alias it was registered. The external id is each tenant's own from
// its first moment on, and never changes: roles' trust policies in customers' accounts name it.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`alter table keyhold.tenants add column external_id uuid not null default gen_random_uuid()`,

  // alias_key_arn is what the alias named when it was last looked at; null: nothing that Keyhold may see.
  sql`alter table keyhold.key_providers
    add column role_arn text,
    add column alias_arn text,
    add column alias_key_arn text,
    add column alias_checked_at timestamptz`,
]

export const keyAccess: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
