// Versions of data keys below a minimum, and the number of a tenant's key names. The number has a row of its own, since
// counting all names for each new one would take longer and longer. Names are never deleted, so it only rises. Names that
// replicas of the version before make during the upgrade are not counted.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  // This lock holds up all writers of key names until the count below is committed.
  sql`alter table keyhold.cipherkeys drop constraint cipherkeys_state_check,
    add constraint cipherkeys_state_check check (state in ('active', 'decrypt-only', 'retired'))`,

  sql`create table keyhold.key_name_counts (
    tenant_id text collate "C" primary key references keyhold.tenants on delete cascade,
    names integer not null check (names >= 0)
  )`,
  sql`insert into keyhold.key_name_counts (tenant_id, names)
    select tenant_id, count(*) from keyhold.cipherkeys
    where state = 'active' and key_name is not null group by tenant_id`,
]

export const retiredVersions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
