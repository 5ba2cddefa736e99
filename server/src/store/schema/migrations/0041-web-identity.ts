// A role in a customer's account that Keyhold assumes with a token of its own issuer. Null: with the tenant's external id.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`alter table keyhold.key_providers
    add column role_access text check (role_access = 'web-identity'),
    add constraint key_providers_role_access check (role_access is null or role_arn is not null)`,
  // A version says it by the way in which its key is reached.
  sql`alter table keyhold.tenant_keys drop constraint tenant_keys_reached_as_check`,
  sql`alter table keyhold.tenant_keys drop constraint tenant_keys_access_whole`,
  sql`alter table keyhold.tenant_keys
    add constraint tenant_keys_reached_as_check check (reached_as in ('internal', 'self', 'role', 'web-identity')),
    add constraint tenant_keys_access_whole check (
      (reached_as is null) = (replica_regions is null)
      and coalesce(reached_as in ('role', 'web-identity'), false) = (role_arn is not null)
      and coalesce(reached_as = 'role', false) = (external_id is not null)
    )`,
]

export const webIdentity: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
