// The one row that says which root key this database belongs to.
import { sql } from 'kysely'
import type { Database } from './database.ts'

export interface RootKeyClaim {
  rootKeyId: string
  keyCheckValue: Buffer
}

export function installationQueries(db: Database) {
  return {
    async findRootKeyClaim(): Promise<RootKeyClaim | undefined> {
      const row = await db
        .selectFrom('installation')
        .select(['root_key_id', 'root_key_check_value'])
        .executeTakeFirst()
      return row && { rootKeyId: row.root_key_id, keyCheckValue: row.root_key_check_value }
    },

    /** Claims the database for a root key unless another has it, and answers which one has it now. */
    async claimRootKey(claim: RootKeyClaim): Promise<RootKeyClaim> {
      await db
        .insertInto('installation')
        .values({
          id: sql`gen_random_uuid()`,
          root_key_id: claim.rootKeyId,
          root_key_check_value: claim.keyCheckValue,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const row = await db
        .selectFrom('installation')
        .select(['root_key_id', 'root_key_check_value'])
        .executeTakeFirstOrThrow()
      return { rootKeyId: row.root_key_id, keyCheckValue: row.root_key_check_value }
    },
  }
}
