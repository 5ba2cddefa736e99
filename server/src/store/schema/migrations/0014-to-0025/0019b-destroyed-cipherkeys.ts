// Cipherkeys that do not open and were accepted can be destroyed by name, so that their old KEK need not be kept for them.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  // [{ "dataKeyId", "version", "tenantKeyVersion" }, …], as they were when their destruction was scheduled.
  sql`alter table keyhold.destructions
    add column cipherkeys jsonb,
    drop constraint destructions_kind_check,
    add constraint destructions_kind_check check (kind in ('tenant', 'data-key', 'cipherkeys')),
    add check ((kind = 'cipherkeys') = (cipherkeys is not null))`,
]

export const destroyedCipherkeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
