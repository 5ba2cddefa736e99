// The API keys of a tenant are looked up under its guard and its fence: when one is made or revoked, and when the tenant is
// deleted. Without an index each look read the API keys of all tenants.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const apiKeysOfTenant: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create index api_keys_of_tenant on keyhold.api_keys (tenant_id, id)`.execute(db)
  },
}
