// The one row that names the root key to which this database belongs.
import { sql } from 'kysely'
import type { Database } from './database.ts'

export interface RootKeyClaim {
  /** The UUID of the installation. */
  installationId: string
  rootKeyId: string
  keyCheckValue: Buffer
}

/** The key that signs reports: its private half wrapped by the root key. */
export interface StoredSigningKey {
  id: string
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Buffer
  privateKeyWrapped: Buffer
}

export function installationQueries(db: Database) {
  return {
    async findRootKeyClaim(): Promise<RootKeyClaim | undefined> {
      const row = await db
        .selectFrom('installation')
        .select(['id', 'root_key_id', 'root_key_check_value'])
        .executeTakeFirst()
      return row && toClaim(row)
    },

    /** Claims the database for a root key, unless another key has it, and answers the key that has it now. */
    async claimRootKey(claim: RootKeyClaim): Promise<RootKeyClaim> {
      await db
        .insertInto('installation')
        .values({
          id: claim.installationId,
          root_key_id: claim.rootKeyId,
          root_key_check_value: claim.keyCheckValue,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const row = await db
        .selectFrom('installation')
        .select(['id', 'root_key_id', 'root_key_check_value'])
        .executeTakeFirstOrThrow()
      return toClaim(row)
    },

    async findSigningKey(): Promise<StoredSigningKey | undefined> {
      const row = await db
        .selectFrom('installation')
        .select(['signing_key_id', 'signing_public_key', 'signing_private_key_wrapped'])
        .executeTakeFirst()
      if (!row?.signing_key_id || !row.signing_public_key || !row.signing_private_key_wrapped)
        return undefined
      return {
        id: row.signing_key_id,
        publicKey: row.signing_public_key,
        privateKeyWrapped: row.signing_private_key_wrapped,
      }
    },

    /**
     * Whether anything is left of what only a server with a signing key makes. The command makes API keys of operators also
     * where the first start has ended before it had one: records of these are none of its traces.
     */
    async wasUsed(): Promise<boolean> {
      const { rows } = await sql<{ used: boolean }>`
        select exists (select from keyhold.tenants) or exists (select from keyhold.retired_tenant_ids)
          or exists (
            select from keyhold.audit_heads where chain <> '' or sequence <> (
              select count(*) from keyhold.audits
              where chain = '' and action = 'apikey.create' and actor_id = 'command' and actor_role is null
            )
          ) or exists (select from keyhold.key_job_reports)
          or exists (select from keyhold.destructions) or exists (select from keyhold.dr_drills) as used`.execute(
        db,
      )
      return rows[0]?.used !== false
    },

    /** Stores the first signing key. An existing one stays. */
    async insertSigningKey(signingKey: StoredSigningKey): Promise<void> {
      await db
        .updateTable('installation')
        .set({
          signing_key_id: signingKey.id,
          signing_public_key: signingKey.publicKey,
          signing_private_key_wrapped: signingKey.privateKeyWrapped,
        })
        .where('signing_key_id', 'is', null)
        .execute()
    },
  }
}

function toClaim(row: { id: string; root_key_id: string; root_key_check_value: Buffer }): RootKeyClaim {
  return {
    installationId: row.id,
    rootKeyId: row.root_key_id,
    keyCheckValue: row.root_key_check_value,
  }
}
