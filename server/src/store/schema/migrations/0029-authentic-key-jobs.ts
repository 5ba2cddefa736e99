// For facts that a MAC cannot cover as they are: JSON has no bytes that stay the same, and a list of failures is as long as it is. So the
// row of the key job holds digests of them, which its MAC covers.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statement = sql`alter table keyhold.key_jobs
  add column json_digests bytea,
  add column failures_digest bytea`

export const authenticKeyJobs: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await statement.execute(db)
  },
}
