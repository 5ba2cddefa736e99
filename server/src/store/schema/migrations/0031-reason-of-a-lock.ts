// Why a tenant was locked, in the words of whoever locked it. Null: nobody said.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const reasonOfALock: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table keyhold.tenant_guards
      add column lock_reason text check (length(lock_reason) between 1 and 256)`.execute(db)
  },
}
