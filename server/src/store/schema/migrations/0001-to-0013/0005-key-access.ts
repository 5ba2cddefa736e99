// How a customer's key is reached, and under which alias it was registered. Every tenant has an external id of its own
// from the start. It never changes, since the trust policies of roles in customers' accounts name it.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`alter table keyhold.tenants add column external_id uuid not null default gen_random_uuid()`,

  // alias_key_arn is the key that the alias named at the last look; null: no key that Keyhold may see.
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
