// Why the key that an alias names now cannot protect a tenant. A replica of an earlier version writes the key alone, so that the
// problem names the key that it is about.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const aliasProblem: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table keyhold.key_providers
      add column alias_problem text check (alias_problem in ('account', 'kind')),
      add column alias_problem_key_arn text,
      add check ((alias_problem is null) = (alias_problem_key_arn is null))`.execute(db)
  },
}
