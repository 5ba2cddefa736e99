// Key providers: a tenant's registered keys, the default one among them. Exactly one is current: the fence says which, and
// the column of it is an index.
import { KeyholdError, type AliasedKey, type KeyInspection } from '@keyhold/core'
import { sql, type RawBuilder } from 'kysely'
import type { Authentic } from '../authentic/row-macs.ts'
import { isUniqueViolation, type Database } from '../database.ts'
import { readCovered, type CoverParts } from '../fence/covered-rows.ts'
import { heldOf, rewriteRow } from '../fence/rewrite-row.ts'
import { readShown } from '../fence/shown-rows.ts'
import { verifyListed } from '../fence/verify-listed.ts'
import { keyAccessQueries } from '../key-access.ts'
import type { keyHealthQueries } from '../key-health.ts'
import {
  fromRow,
  isCurrent,
  isNamedByKey,
  type KeyProviderRow,
  type ShownKeyProvider,
  type StoredProvider,
  type TamperedKeyProvider,
} from './key-provider-row.ts'

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
  /** How the role is assumed, if there is one. Default: with the tenant's external id. */
  roleAccess?: 'web-identity' | undefined
  /** The alias that was asked for, where it was one. */
  aliasArn?: string | undefined
}

const isOfTenant = (tenantId: string) => sql`tenant_id = ${tenantId}`
const isOne = (tenantId: string, fingerprint: string) =>
  sql`tenant_id = ${tenantId} and fingerprint = ${fingerprint}`

export function keyProviderQueries(
  db: Database,
  parts: CoverParts & { keyHealth: Pick<ReturnType<typeof keyHealthQueries>, 'save'> },
) {
  const { macs } = parts.fences

  // The default provider first, then by age.
  const select = (condition: RawBuilder<unknown>) => sql`
    select row_number() over (order by kms = 'internal' desc, created_at, fingerprint) as place, p.*
    from keyhold.key_providers p where ${condition}`

  /** The ones for which the condition holds. Each is verified when it is asked for: a faulty one concerns no other. */
  async function find(tenantId: string, condition: RawBuilder<unknown>) {
    const { rows, fence, verify } = await readCovered<StoredProvider>(db, parts, tenantId, select(condition))
    return rows.map((row) => ({
      isCurrent: isCurrent(row, fence),
      verified: (): KeyProviderRow => {
        const authentic = verify('keyProvider', row.fingerprint, row)
        if (!isNamedByKey(row)) macs.reject('keyProvider', row, 'forged')
        return fromRow(authentic, fence)
      },
    }))
  }

  async function read(tenantId: string, condition: RawBuilder<unknown>): Promise<KeyProviderRow[]> {
    return (await find(tenantId, condition)).map(({ verified }) => verified())
  }

  /** Under the fence: it stays as it is until it is rewritten. */
  async function lock(tenantId: string, fingerprint: string) {
    const held = heldOf(parts.held, tenantId)
    const { rows } = await sql<StoredProvider>`
      select * from keyhold.key_providers where ${isOne(tenantId, fingerprint)} for update`.execute(db)
    const [row] = rows
    if (row === undefined) return { held, row: undefined }
    return { held, row: verifyListed({ macs, held }, 'keyProvider', fingerprint, row) }
  }

  async function findOne(tenantId: string, fingerprint: string): Promise<KeyProviderRow | undefined> {
    const [provider] = await read(tenantId, isOne(tenantId, fingerprint))
    return provider
  }

  // The key was tested a moment ago, and nothing else is known of it.
  async function saveHealthy({ tenantId, fingerprint, keyArn }: NewKeyProvider): Promise<void> {
    const [, , , region = ''] = keyArn.split(':')
    const at = heldOf(parts.held, tenantId).now
    const nothing = { code: undefined, action: undefined, policy: undefined, candidateState: undefined }
    await parts.keyHealth.save({
      ...{ tenantId, fingerprint, region, state: 'healthy', since: at, checkedAt: at },
      ...nothing,
    })
  }

  return {
    /**
     * Under `withFence`.
     *
     * @throws KeyholdError `ERR_KEY_PROVIDER_EXISTS`
     */
    async insert(provider: NewKeyProvider): Promise<KeyProviderRow> {
      const { tenantId, fingerprint } = provider
      const held = heldOf(parts.held, tenantId)
      const inspection = provider.inspection === undefined ? null : JSON.stringify(provider.inspection)
      const signed = {
        tenant_id: tenantId,
        fingerprint,
        kms: provider.kms,
        key_arn: provider.keyArn,
        created_at: held.now,
        role_arn: provider.roleArn ?? null,
        role_access: provider.roleAccess ?? null,
        alias_arn: provider.aliasArn ?? null,
        replica_regions: provider.inspection === undefined ? null : regionsIn(provider.inspection),
      }
      const mac = macs.sign('keyProvider', signed)
      try {
        await db
          .insertInto('key_providers')
          .values({
            ...signed,
            mac,
            name: provider.name,
            description: provider.description,
            is_current: provider.isCurrent,
            promoted_at: provider.isCurrent ? held.now : null,
            inspection,
            inspected_at: inspection === null ? null : held.now,
            alias_key_arn: provider.aliasArn === undefined ? null : provider.keyArn,
            alias_checked_at: provider.aliasArn === undefined ? null : held.now,
          })
          .execute()
      } catch (error) {
        if (isUniqueViolation(error, 'key_providers_pkey')) {
          throw new KeyholdError('ERR_KEY_PROVIDER_EXISTS', { cause: error })
        }
        throw error
      }
      held.manifest.set('keyProvider', fingerprint, mac)
      if (provider.isCurrent) held.change({ current_fingerprint: fingerprint })
      if (provider.inspection !== undefined) await saveHealthy(provider)
      const inserted = await findOne(tenantId, fingerprint)
      if (inserted === undefined) throw new TypeError('a key provider is gone under the fence')
      return inserted
    },

    /** The default provider first, then by age. */
    list: (tenantId: string): Promise<KeyProviderRow[]> => read(tenantId, isOfTenant(tenantId)),

    /** The same for people, who see the faulty ones beside the others, with those that are missing at the end. */
    async listShown(tenantId: string): Promise<ShownKeyProvider[]> {
      const { rows, fence, keys } = await readShown<'keyProvider', StoredProvider>(
        db,
        parts,
        tenantId,
        'keyProvider',
        (row) => row.fingerprint,
        select(isOfTenant(tenantId)),
      )
      const tampered = (fingerprint: string): TamperedKeyProvider => ({
        ...{ isTampered: true, tenantId, fingerprint },
        isCurrent: fence?.stated?.currentFingerprint === fingerprint,
      })
      const found = new Set(rows.map(({ row }) => row.fingerprint))
      return [
        ...rows.map(({ row, isTampered }) =>
          isTampered || (macs.requiresMacs() && !isNamedByKey(row))
            ? tampered(row.fingerprint)
            : fromRow(row as Authentic<StoredProvider>, fence),
        ),
        ...keys.filter((fingerprint) => !found.has(fingerprint)).map(tampered),
      ]
    },

    find: findOne,

    /** Every tenant has one from its first transaction on. */
    async getCurrent(tenantId: string): Promise<KeyProviderRow> {
      const current = (await find(tenantId, isOfTenant(tenantId))).find((each) => each.isCurrent)
      if (current === undefined) throw new TypeError(`tenant ${tenantId} has no current key provider`)
      return current.verified()
    },

    /**
     * Whether another tenant than this one has the key registered, or has a tenant key version under it that is not
     * destroyed. It is a hint: no MAC covers it.
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

    /** Answers whether the provider exists. No MAC covers names. */
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

    /** Answers undefined when the provider is gone meanwhile. Under `withFence`. */
    async saveInspection(
      tenantId: string,
      fingerprint: string,
      inspection: KeyInspection,
    ): Promise<KeyProviderRow | undefined> {
      const { held, row } = await lock(tenantId, fingerprint)
      if (row === undefined) return undefined
      const replicaRegions = regionsIn(inspection)
      await rewriteRow(db, { macs, held }, 'keyProvider', fingerprint, row, {
        replica_regions: replicaRegions,
      })
      await db
        .updateTable('key_providers')
        .set({ inspection: JSON.stringify(inspection), inspected_at: held.now })
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .execute()
      await keyAccessQueries(db, parts).keep(tenantId, row.key_arn)
      return findOne(tenantId, fingerprint)
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
      const one = { tenant_id: tenantId, fingerprint }
      const before = await db
        .selectFrom('key_providers')
        .select('alias_key_arn')
        .where((eb) => eb.and(one))
        .forUpdate()
        .executeTakeFirst()
      if (before === undefined) return false
      await db
        .updateTable('key_providers')
        .set({
          alias_key_arn: target,
          alias_problem: problem,
          alias_problem_key_arn: problem === null ? null : target,
          alias_checked_at: sql`now()`,
        })
        .where((eb) => eb.and(one))
        .execute()
      return before.alias_key_arn !== target
    },

    /** Makes another provider the current one; both get the same instant. Under `withFence`. */
    async switchCurrent(tenantId: string, toFingerprint: string): Promise<void> {
      const { held, row } = await lock(tenantId, toFingerprint)
      if (row === undefined) throw new TypeError(`tenant ${tenantId} has no key provider ${toFingerprint}`)
      await db
        .updateTable('key_providers')
        .set({ is_current: false, demoted_at: held.now })
        .where('tenant_id', '=', tenantId)
        .where('is_current', '=', true)
        .execute()
      await db
        .updateTable('key_providers')
        .set({ is_current: true, promoted_at: held.now })
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', toFingerprint)
        .execute()
      held.change({ current_fingerprint: toFingerprint })
    },

    /** How its key is reached stays with the versions under it. Under `withFence`. */
    async delete({ tenantId, fingerprint, keyArn }: KeyProviderRow): Promise<void> {
      const { held, row } = await lock(tenantId, fingerprint)
      if (row === undefined) return
      await keyAccessQueries(db, parts).keep(tenantId, keyArn)
      await db
        .deleteFrom('key_providers')
        .where('tenant_id', '=', tenantId)
        .where('fingerprint', '=', fingerprint)
        .execute()
      held.manifest.delete('keyProvider', fingerprint)
    },

    /** Under `withFence`. */
    async deleteAll(tenantId: string): Promise<void> {
      const { manifest } = heldOf(parts.held, tenantId)
      // Probes and states are deleted with them. Others plan and note them at the same time, in this order.
      await sql`select from keyhold.key_probes where tenant_id = ${tenantId} order by fingerprint for update`.execute(
        db,
      )
      await sql`select from keyhold.key_health where tenant_id = ${tenantId} order by fingerprint, region for update`.execute(
        db,
      )
      await db.deleteFrom('key_providers').where('tenant_id', '=', tenantId).execute()
      for (const fingerprint of manifest.keys('keyProvider')) manifest.delete('keyProvider', fingerprint)
    },
  }
}

function regionsIn({ replicaKeys }: KeyInspection): string[] {
  return replicaKeys.map(({ region }) => region)
}
