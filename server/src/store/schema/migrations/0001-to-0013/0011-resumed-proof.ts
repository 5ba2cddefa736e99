// How far the verification of a key job has come, so that the replica that leads it next goes on from there.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statement = sql`alter table keyhold.key_jobs add column verified_to jsonb`

export const resumedProof: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await statement.execute(db)
  },
}
