// How far the proof of a key job has come, so that whoever leads it next goes on from there.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statement = sql`alter table keyhold.key_jobs
  add column verified_to_data_key_id uuid,
  add column verified_to_version integer,
  add column verified_digest_state bytea,
  add constraint key_jobs_verified_to_whole check (
    (verified_to_data_key_id is null) = (verified_to_version is null)
    and (verified_to_data_key_id is null) = (verified_digest_state is null)
  )`

export const resumedProof: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await statement.execute(db)
  },
}
