// The format says what the wraps under a tenant key version bind. Null: format 1, which replicas of the versions before write and
// read alone.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const formatOfTenantKeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table keyhold.tenant_keys add column format smallint check (format = 2)`.execute(db)
  },
}
