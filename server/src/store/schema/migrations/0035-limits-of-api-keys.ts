// An API key may end by itself, may have fewer permissions than its role, and may be bound to addresses. All of it is null in keys
// that are there already: they go on as they are. A replica of the version before takes a row that has any of it for forged, and
// a revocation through it would leave such keys behind: so replicas tell that they know these columns, and no such key is
// made while one lives that does not.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`alter table keyhold.api_keys
    add column expires_at timestamptz,
    add column scopes text[],
    add column addresses text[],
    add column created_by text,
    add column responsible text,
    add column predecessor_id text,
    drop constraint api_keys_role_check,
    add constraint api_keys_role_check check (role in
      ('tenant-admin', 'service', 'service-encrypt', 'auditor', 'security-officer', 'operator')),
    drop constraint api_keys_check,
    add constraint api_keys_check check (case when role = 'operator' then tenant_id is null
      when role in ('service', 'service-encrypt') then true else tenant_id is not null end)`,
  sql`create index api_keys_expires_at on keyhold.api_keys (expires_at) where expires_at is not null`,
  sql`alter table keyhold.replicas add column knows_api_key_limits boolean`,
]

export const limitsOfApiKeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
