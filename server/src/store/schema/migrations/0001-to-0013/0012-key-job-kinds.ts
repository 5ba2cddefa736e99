// Names the kinds of key jobs as everything else does: migration, rotation. No release had the former words, so no
// replica that knows them alone runs beside this schema.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`alter table keyhold.key_jobs drop constraint key_jobs_kind_check`,
  sql`update keyhold.key_jobs set kind = case kind when 'migrate' then 'migration' else 'rotation' end`,
  sql`alter table keyhold.key_jobs add constraint key_jobs_kind_check check (kind in ('migration', 'rotation'))`,
]

export const keyJobKinds: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
