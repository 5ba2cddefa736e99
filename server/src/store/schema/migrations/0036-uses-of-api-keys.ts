// When an API key was last used, in a table of its own: each replica writes a key once a minute at most, and nothing is decided by it.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const usesOfApiKeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    // The rows change all the time, so each page has room for new versions of them.
    await sql`
      create table keyhold.api_key_uses (
        api_key_id text primary key references keyhold.api_keys on delete cascade,
        used_at timestamptz not null
      ) with (fillfactor = 50)`.execute(db)
  },
}
