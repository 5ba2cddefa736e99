// Finds who uses a KEK, whatever tenant it is: for the usage of a key. No column of these indexes ever changes.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create index key_providers_by_key on keyhold.key_providers (key_arn)`,
  sql`create index tenant_keys_by_key on keyhold.tenant_keys (key_arn)`,
]

export const usesOfAKek: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
