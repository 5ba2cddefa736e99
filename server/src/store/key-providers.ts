// Key providers: a tenant's registered keys, the default one among them; exactly one is current.
import { KeyholdError, type AliasedKey, type AliasProblem, type KeyInspection } from '@keyhold/core'
import { sql, type Selectable } from 'kysely'
import { isUniqueViolation, type Database } from './database.ts'
import { flag, jsonReader, listOf, members, text, type JsonColumn } from './json-column.ts'
import { keyAccessQueries } from './key-access.ts'
import { keyHealthQueries } from './key-health.ts'
import type { Tables } from './tables.ts'

export interface KeyProviderRow {
  tenantId: string
  fingerprint: string
  kms: 'internal' | 'aws'
  keyArn: string
  name: string
  description: string
  isCurrent: boolean
  createdAt: Date
  promotedAt: Date | undefined
  demotedAt: Date | undefined
  /** The last inspection of the key; undefined: there was none. */
  inspection: JsonColumn<KeyInspection> | undefined
  /** The role in the customer's account through which the key is reached; undefined: as Keyhold itself. */
  roleArn: string | undefined
  /** The alias by which the key was registered. */
  alias: KeyAlias | undefined
}

export interface KeyAlias {
  arn: string
  /** The key that it named at the last look; undefined: no key that Keyhold may see. */
  keyArn: string | undefined
  /** Why that key cannot be used, where it is not the registered one. */
  problem: AliasProblem | undefined
  checkedAt: Date
}

const finding = members({ code: text, region: text, message: text })

export const readInspection = jsonReader<KeyInspection>(
  'key_providers.inspection',
  members(
    {
      keyArn: text,
      multiRegion: flag,
      replicaKeys: listOf(members({ keyArn: text, region: text })),
      drCompliant: flag,
      complianceError: finding,
    },
    { warnings: listOf(finding) },
  ),
  'ERR_KEY_PROVIDER_RECORD_INVALID',
)

function fromRow(row: Selectable<Tables['key_providers']>): KeyProviderRow {
  return {
    tenantId: row.tenant_id,
    fingerprint: row.fingerprint,
    kms: row.kms,
    keyArn: row.key_arn,
    name: row.name,
    description: row.description,
    isCurrent: row.is_current,
    createdAt: row.created_at,
    promotedAt: row.promoted_at ?? undefined,
    demotedAt: row.demoted_at ?? undefined,
    inspection: readInspection(row.inspection, row.fingerprint),
    roleArn: row.role_arn ?? undefined,
    alias:
      row.alias_arn === null
        ? undefined
        : {
            arn: row.alias_arn,
            keyArn: row.alias_key_arn ?? undefined,
            problem:
              row.alias_problem !== null && row.alias_problem_key_arn === row.alias_key_arn
                ? row.alias_problem
                : undefined,
            checkedAt: row.alias_checked_at ?? row.created_at,
          },
  }
}

export interface NewKeyProvider {
  tenantId: string
  fingerprint: string
  kms: 'internal' | 'aws'
  keyArn: string
  name: string
  description: string
  isCurrent: boolean
  inspection?: KeyInspection
  roleArn?: string | undefined
  /** The alias that was asked for, where it was one. */
  aliasArn?: string | undefined
}

export function keyProviderQueries(db: Database) {
  // The key was tested a moment ago, and nothing else is known of it.
  async function saveHealthy({ tenantId, fingerprint, keyArn }: NewKeyProvider): Promise<void> {
    const [, , , region = ''] = keyArn.split(':')
    const at = sql<Date>`now()`
    const nothing = { code: undefined, action: undefined, policy: undefined, candidateState: undefined }
    await keyHealthQueries(db).save({
      ...{ tenantId, fingerprint, region, state: 'healthy', since: at, checkedAt: at },
      ...nothing,
    })
  }

  return {
    /** @throws KeyholdError `ERR_KEY_PROVIDER_EXISTS` */
    async insert(provider: NewKeyProvider): Promise<KeyProviderRow> {
      const inspection = provider.inspection === undefined ? null : JSON.stringify(provider.inspection)
      try {
        const row = await db
          .insertInto('key_providers')
          .values({
            tenant_id: provider.tenantId,
            fingerprint: provider.fingerprint,
            kms: provider.kms,
            key_arn: provider.keyArn,
            name: provider.name,
            description: provider.description,
            is_current: provider.isCurrent,
            promoted_at: provider.isCurrent ? sql`now()` : null,
            inspection,
            inspected_at: inspection === null ? null : sql`now()`,
            role_arn: provider.roleArn ?? null,
            alias_arn: provider.aliasArn ?? null,
            alias_key_arn: provider.aliasArn === undefined ? null : provider.keyArn,
            alias_checked_at: provider.aliasArn === undefined ? null : sql`now()`,
          })
          .returningAll()
          .executeTakeFirstOrThrow()
        if (provider.inspection !== undefined) await saveHealthy(provider)
        return fromRow(row)
      } catch (error) {
        if (isUniqueViolation(error, 'key_providers_pkey')) {
          throw new KeyholdError('ERR_KEY_PROVIDER_EXISTS', { cause: error })
        }
        throw error
      }
    },

    /** The default provider first, then by age. */
    async list(tenantId: string): Promise<KeyProviderRow[]> {
      const rows = await db
        .selectFrom('key_providers')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy((eb) => eb('kms', '=', 'internal'), 'desc')
        .orderBy('created_at')
        .orderBy('fingerprint')
        .execute()
      return rows.map(fromRow)
    },

    async find(tenantId: string, fingerprint: string): Promise<KeyProviderRow | undefined> {
      const row = await db
        .selectFrom('key_providers')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    /** Every tenant has one from its first transaction on. */
    async getCurrent(tenantId: string): Promise<KeyProviderRow> {
      const row = await db
        .selectFrom('key_providers')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('is_current', '=', true)
        .executeTakeFirstOrThrow()
      return fromRow(row)
    },

    /**
     * Whether another tenant than this one has the key registered, or has a tenant key version under it that is not
     * destroyed.
     */
    async isUsedByOthers(tenantId: string, keyArn: string): Promise<boolean> {
      const { rows } = await sql<{ used: boolean }>`
        select exists (
          select from keyhold.key_providers where key_arn = ${keyArn} and tenant_id <> ${tenantId}
        ) or exists (
          select from keyhold.tenant_keys
          where key_arn = ${keyArn} and tenant_id <> ${tenantId} and wrapped is not null
        ) as used`.execute(db)
      return rows[0]?.used ?? false
    },

    /** Answers whether the provider exists. */
    async rename(
      tenantId: string,
      fingerprint: string,
      changes: { name?: string; description?: string },
    ): Promise<boolean> {
      const result = await db
        .updateTable('key_providers')
        .set(changes)
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    /** Answers undefined when the provider is gone meanwhile. */
    async saveInspection(
      tenantId: string,
      fingerprint: string,
      inspection: KeyInspection,
    ): Promise<KeyProviderRow | undefined> {
      const row = await db
        .updateTable('key_providers')
        .set({ inspection: JSON.stringify(inspection), inspected_at: sql`now()` })
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .returningAll()
        .executeTakeFirst()
      if (row !== undefined) await keyAccessQueries(db).keep(tenantId, row.key_arn)
      return row && fromRow(row)
    },

    /**
     * Keeps the key that the alias names now; undefined: no key that Keyhold may see. Answers whether it named another key
     * at the last look.
     */
    async saveAliasTarget(
      tenantId: string,
      fingerprint: string,
      named: AliasedKey | undefined,
    ): Promise<boolean> {
      const target = named?.keyArn ?? null
      const problem = named?.problem ?? null
      const update = db
        .updateTable('key_providers')
        .set({
          alias_key_arn: target,
          alias_problem: problem,
          alias_problem_key_arn: problem === null ? null : target,
          alias_checked_at: sql`now()`,
        })
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
      const moved = await update.where('alias_key_arn', 'is distinct from', target).executeTakeFirst()
      if (moved.numUpdatedRows > 0n) return true
      await update.execute()
      return false
    },

    /** Makes another provider the current one; in one transaction both get the same instant. */
    async switchCurrent(tenantId: string, toFingerprint: string): Promise<void> {
      await db
        .updateTable('key_providers')
        .set({ is_current: false, demoted_at: sql`now()` })
        .where('tenant_id', '=', tenantId)
        .where('is_current', '=', true)
        .execute()
      await db
        .updateTable('key_providers')
        .set({ is_current: true, promoted_at: sql`now()` })
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', toFingerprint)
        // Without "returning", an update of no row at all would count as a result.
        .returning('fingerprint')
        .executeTakeFirstOrThrow()
    },

    /** How its key is reached stays with the versions under it. */
    async delete({ tenantId, fingerprint, keyArn }: KeyProviderRow): Promise<void> {
      // The provider before its versions, as a test of the key locks them.
      await db
        .selectFrom('key_providers')
        .select('fingerprint')
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .forUpdate()
        .execute()
      await keyAccessQueries(db).keep(tenantId, keyArn)
      await db
        .deleteFrom('key_providers')
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .execute()
    },

    async deleteAll(tenantId: string): Promise<void> {
      // Probes and states are deleted with them. Others plan and note them at the same time, in this order.
      await sql`select from keyhold.key_probes where tenant_id = ${tenantId} order by fingerprint for update`.execute(
        db,
      )
      await sql`select from keyhold.key_health where tenant_id = ${tenantId} order by fingerprint, region for update`.execute(
        db,
      )
      await db.deleteFrom('key_providers').where('tenant_id', '=', tenantId).execute()
    },
  }
}
