// Checkpoints: signed statements about the end of each chain of audit records, so that an export carries them. One says all
// that it says in its signed text: no column beside it could lie.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create table keyhold.audit_checkpoints (
    chain text collate "C" not null,
    number bigint not null check (number >= 1),
    jws text not null,
    primary key (chain, number)
  )`,

  // Against mistakes, as for the records. Whoever removes it is shown by the copies outside of the database.
  sql`create trigger audit_checkpoints_are_kept before update or delete on keyhold.audit_checkpoints
    for each row execute function keyhold.refuse_audit_change()`,
  sql`create trigger audit_checkpoints_are_not_truncated before truncate on keyhold.audit_checkpoints
    for each statement execute function keyhold.refuse_audit_change()`,
]

export const auditCheckpoints: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
