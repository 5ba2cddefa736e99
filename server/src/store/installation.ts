// The one row of the installation: the root key to which this database belongs, the key that signs, and which API keys hold
// that are of no tenant. Who changes it locks it first.
import { sql } from 'kysely'
import type { Authentic, RowMacs } from './authentic/row-macs.ts'
import type { SeenGenerations } from './authentic/seen-generations.ts'
import { columnsOfKind, type StoredRow } from './authentic/steering-kinds.ts'
import { readWritingTime } from './authentic/writing-time.ts'
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

export type InstallationRow = StoredRow<'installation'>

export interface InstallationParts {
  macs: RowMacs
  /** Of the installation's row, by no name. */
  seen: SeenGenerations
}

const columns = columnsOfKind('installation')

/**
 * Verifies the row, and remembers its generation.
 *
 * @param before - the generation that was remembered before the statement began that read it
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
 */
export function acceptInstallation(
  { macs, seen }: InstallationParts,
  row: InstallationRow,
  before: number,
): Authentic<InstallationRow> {
  const authentic = macs.verify('installation', row)
  if (row.generation < before) macs.reject('installation', row, 'older')
  seen.raise('', row.generation)
  return authentic
}

/**
 * Locks the row until the transaction ends.
 *
 * @param how - those who share it keep others from changing it
 */
export async function takeInstallation(
  db: Database,
  parts: InstallationParts,
  how: 'alone' | 'shared',
): Promise<Authentic<InstallationRow>> {
  const before = parts.seen.get('')
  const query = db.selectFrom('installation').select(columns)
  const row = await (how === 'alone' ? query.forUpdate() : query.forShare()).executeTakeFirstOrThrow()
  return acceptInstallation(parts, row, before)
}

/** Writes the row that `takeInstallation` has answered, with changes. */
export async function saveInstallation(
  db: Database,
  { macs, seen }: InstallationParts,
  row: Authentic<InstallationRow>,
  changes: Partial<Omit<InstallationRow, 'id' | 'created_at' | 'generation' | 'mac'>>,
  leastGeneration = 0,
): Promise<void> {
  const next = { ...row, ...changes, generation: Math.max(row.generation + 1, leastGeneration) }
  await db
    .updateTable('installation')
    .set({ ...changes, generation: next.generation, mac: macs.sign('installation', next) })
    .where('id', '=', row.id)
    .where('mac', 'is not distinct from', row.mac)
    .returning('id')
    .executeTakeFirstOrThrow()
  seen.raise('', next.generation)
}

export function installationQueries(db: Database, parts: InstallationParts) {
  const { macs, seen } = parts
  return {
    /** For who opens the root key, by which alone the rest is verified: the claim proves itself. */
    async findRootKeyClaim(): Promise<RootKeyClaim | undefined> {
      const row = await db
        .selectFrom('installation')
        .select(['id', 'root_key_id', 'root_key_check_value'])
        .executeTakeFirst()
      return row && toClaim(row)
    },

    /** Claims the database for a root key, unless another key has it, and answers the key that has it now. */
    async claimRootKey(claim: RootKeyClaim): Promise<RootKeyClaim> {
      const at = await readWritingTime(db)
      const made = {
        id: claim.installationId,
        root_key_id: claim.rootKeyId,
        root_key_check_value: claim.keyCheckValue,
        created_at: at,
        signing_key_id: null,
        signing_public_key: null,
        signing_private_key_wrapped: null,
        generation: at.getTime(),
        api_key_generation: at.getTime(),
        issuer_keys_from: null,
      }
      await db
        .insertInto('installation')
        .values({ ...made, mac: macs.sign('installation', made) })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const row = await db
        .selectFrom('installation')
        .select(['id', 'root_key_id', 'root_key_check_value'])
        .executeTakeFirstOrThrow()
      return toClaim(row)
    },

    /** The generation that the row shows, which nobody has verified. Undefined: there is no row. */
    async glanceAtGeneration(): Promise<number | undefined> {
      return (await db.selectFrom('installation').select('generation').executeTakeFirst())?.generation
    },

    /** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED` */
    async findRow(): Promise<Authentic<InstallationRow> | undefined> {
      const before = seen.get('')
      const row = await db.selectFrom('installation').select(columns).executeTakeFirst()
      return row && acceptInstallation(parts, row, before)
    },

    /**
     * Gives the row of an older database at least this generation, and API keys that are of no tenant the one that is decided.
     * Answers the generation that they had, and that one. Call it in a transaction.
     */
    async restore(
      generation: number,
      decide: (older: { generation: number; apiKeyGeneration: number }) => number,
    ): Promise<{ from: number; to: number }> {
      const row = await takeInstallation(db, parts, 'alone')
      const to = decide({ generation: row.generation, apiKeyGeneration: row.api_key_generation })
      await saveInstallation(db, parts, row, { api_key_generation: to }, generation)
      return { from: row.api_key_generation, to }
    },

    /** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED` */
    async findSigningKey(): Promise<StoredSigningKey | undefined> {
      const row = await this.findRow()
      return row && signingKeyIn(row)
    },

    /**
     * Whether anything is left of what only a server with a signing key makes. The command makes API keys of operators also
     * where the first start has ended before it had one, and the keys of the issuer are made before it: records of these are none of
     * its traces.
     */
    async wasUsed(): Promise<boolean> {
      const { rows } = await sql<{ used: boolean }>`
        select exists (select from keyhold.tenants) or exists (select from keyhold.retired_tenant_ids)
          or exists (
            select from keyhold.audit_heads where chain <> '' or sequence <> (
              select count(*) from keyhold.audits
              where chain = '' and actor_role is null and (
                (action = 'apikey.create' and actor_id = 'command')
                or (action in ('issuerkey.create', 'issuerkey.revoke') and actor_id in ('command', 'system'))
              )
            )
          ) or exists (select from keyhold.key_job_reports)
          or exists (select from keyhold.destructions) or exists (select from keyhold.dr_drills) as used`.execute(
        db,
      )
      return rows[0]?.used !== false
    },

    /** Stores the first signing key, unless there is one, and answers the one that there is now. Call it in a transaction. */
    async insertSigningKey(signingKey: StoredSigningKey): Promise<StoredSigningKey> {
      const row = await takeInstallation(db, parts, 'alone')
      const present = signingKeyIn(row)
      if (present !== undefined) return present
      await saveInstallation(db, parts, row, {
        signing_key_id: signingKey.id,
        signing_public_key: signingKey.publicKey,
        signing_private_key_wrapped: signingKey.privateKeyWrapped,
      })
      return signingKey
    },
  }
}

export function signingKeyIn(row: Authentic<InstallationRow>): StoredSigningKey | undefined {
  const { signing_key_id: id, signing_public_key: publicKey, signing_private_key_wrapped: wrapped } = row
  return id !== null && publicKey !== null && wrapped !== null
    ? { id, publicKey, privateKeyWrapped: wrapped }
    : undefined
}

function toClaim(row: { id: string; root_key_id: string; root_key_check_value: Buffer }): RootKeyClaim {
  return {
    installationId: row.id,
    rootKeyId: row.root_key_id,
    keyCheckValue: row.root_key_check_value,
  }
}
