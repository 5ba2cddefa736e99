// The keys that have signed before the present one. Such a row is written once, by the rotation that replaces the key, and never
// changes: what the key has signed is verified by it for ever. The present key stays in the row of the installation.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statement = sql`create table keyhold.former_signing_keys (
  number integer primary key check (number >= 1),
  id text collate "C" not null unique,
  public_key bytea not null,
  valid_from timestamptz not null,
  valid_to timestamptz not null,
  successor_id text collate "C" not null unique,
  statement text not null,
  counterstatement text not null,
  mac bytea
)`

export const formerSigningKeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await statement.execute(db)
  },
}
