// The keys with which Keyhold signs in at customers' clouds. A row is written once and never changes: when a key begins to sign, and so
// when the one before it ends, stands in it. Public halves are not stored: they come from the private ones.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create table keyhold.issuer_keys (
    id text collate "C" primary key,
    created_at timestamptz not null,
    signs_from timestamptz not null check (signs_from >= created_at),
    private_key_wrapped bytea not null,
    mac bytea
  )`,
  // Keys that were made before then count for nothing, also where their rows are put back. Null: no key was ever revoked.
  sql`alter table keyhold.installation add column issuer_keys_from timestamptz`,
]

export const issuerKeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
