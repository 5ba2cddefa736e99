// The replicas that are alive: what holds for the installation is divided by their number. A replica writes its row every
// few seconds. Its id is made at each start.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const replicas: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    // The rows are few and change all the time, so each page has room for new versions of them.
    await sql`
      create table keyhold.replicas (
        id text primary key,
        started_at timestamptz not null default now(),
        seen_at timestamptz not null default now()
      ) with (fillfactor = 50)`.execute(db)
  },
}
