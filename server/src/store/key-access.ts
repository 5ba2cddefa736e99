// How a tenant's key is reached: as the versions under the key say, into which it is copied whenever its key provider
// changes, and before there is one, as the key provider says. Both are rows that were verified: a role that somebody else
// wrote would be assumed in the customer's name.
import { keyArnFingerprint, type CustomerRole } from '@keyhold/core'
import { sql } from 'kysely'
import type { Authentic } from './authentic/row-macs.ts'
import { columnsOfKind, type StoredRow } from './authentic/steering-kinds.ts'
import type { Database } from './database.ts'
import { columnsAs, readCovered, rowAs, type CoverParts } from './fence/covered-rows.ts'
import type { FenceRow } from './fence/fence-row.ts'
import { heldOf, rewriteRow } from './fence/rewrite-row.ts'
import { verifyListed } from './fence/verify-listed.ts'

export interface StoredKeyAccess {
  /** Undefined: under Keyhold's own identity. */
  role: CustomerRole | undefined
  /** Other regions in which the key was last seen. */
  replicaRegions: string[]
}

/** The columns of a version that say it. */
export type AccessColumns = Pick<
  StoredRow<'tenantKey'>,
  'reached_as' | 'role_arn' | 'external_id' | 'replica_regions'
>

/** Nobody says it. */
export const noAccess: AccessColumns = {
  reached_as: null,
  role_arn: null,
  external_id: null,
  replica_regions: null,
}

export function keyAccessQueries(db: Database, parts: CoverParts) {
  const { macs } = parts.fences

  /** Until the rows are adopted, replicas of the version before keep the regions in the inspection alone. */
  function known(provider: Authentic<StoredRow<'keyProvider'>>, inspection: unknown) {
    return macs.requiresMacs() ? provider : { ...provider, replica_regions: regionsSeen(inspection) }
  }

  return {
    /**
     * Undefined: nobody says it. Then nobody may ask for the key, least of all under an identity that is guessed.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async find(tenantId: string, keyArn: string): Promise<StoredKeyAccess | undefined> {
      const { rows, fenceRow, verify } = await readCovered<{ inspection: unknown }>(
        db,
        parts,
        tenantId,
        sql`select 1 as place, ${columnsAs('tenantKey', 'v', 'v_')}, ${columnsAs('keyProvider', 'p', 'p_')}, p.inspection
          from (select) one
          left join lateral (
            select * from keyhold.tenant_keys
            where tenant_id = ${tenantId} and key_arn = ${keyArn} and reached_as is not null and state <> 'destroyed'
            order by version desc limit 1
          ) v on true
          left join keyhold.key_providers p
            on p.tenant_id = ${tenantId} and p.fingerprint = ${keyArnFingerprint(keyArn)} and p.key_arn = ${keyArn}`,
      )
      const [row] = rows
      if (row === undefined) return undefined
      const version = rowAs('tenantKey', row, 'v_')
      if (isThere(version)) return accessIn(tenantId, verify('tenantKey', version.version, version))
      const provider = rowAs('keyProvider', row, 'p_')
      if (!isThere(provider) || fenceRow === undefined) return undefined
      return accessIn(
        tenantId,
        accessOf(known(verify('keyProvider', provider.fingerprint, provider), row.inspection), fenceRow),
      )
    },

    /** As the key provider says, for a version. Undefined: it is not registered. Call it under `withFence`. */
    async findOfProvider(tenantId: string, keyArn: string): Promise<AccessColumns | undefined> {
      const held = heldOf(parts.held, tenantId)
      const row = await db
        .selectFrom('key_providers')
        .select([...columnsOfKind('keyProvider'), 'inspection'])
        .where('tenant_id', '=', tenantId)
        .where('key_arn', '=', keyArn)
        .executeTakeFirst()
      if (row === undefined || held.row === undefined) return undefined
      const provider = verifyListed({ macs, held }, 'keyProvider', row.fingerprint, row)
      return accessOf(known(provider, row.inspection), held.row)
    },

    /** Copies it to the versions under the key, from its key provider. Call it under `withFence`. */
    async keep(tenantId: string, keyArn: string): Promise<void> {
      const held = heldOf(parts.held, tenantId)
      const access = await this.findOfProvider(tenantId, keyArn)
      if (access === undefined) return
      const rows = await db
        .selectFrom('tenant_keys')
        .select(columnsOfKind('tenantKey'))
        .where('tenant_id', '=', tenantId)
        .where('key_arn', '=', keyArn)
        .where('state', '!=', 'destroyed')
        .orderBy('version')
        .forUpdate()
        .execute()
      for (const row of rows)
        await rewriteRow(
          db,
          { macs, held },
          'tenantKey',
          row.version,
          verifyListed({ macs, held }, 'tenantKey', row.version, row),
          access,
        )
    },
  }
}

/** A damaged inspection is an error where the provider is shown; here it only means that no replica is known. */
function regionsSeen(inspection: unknown): string[] {
  const { replicaKeys } = Object(inspection) as { replicaKeys?: unknown }
  if (!Array.isArray(replicaKeys)) return []
  return replicaKeys
    .map((key: unknown) => (Object(key) as { region?: unknown }).region)
    .filter((region) => typeof region === 'string')
}

// Of a row that was not found all columns are null.
function isThere(row: { tenant_id: string }): boolean {
  return (row.tenant_id as string | null) !== null
}

function accessOf(
  provider: StoredRow<'keyProvider'>,
  { external_id }: Pick<FenceRow, 'external_id'>,
): AccessColumns {
  const { kms, role_access, role_arn, replica_regions } = provider
  if (kms === 'internal') return { ...noAccess, reached_as: 'internal', replica_regions: [] }
  const reachedAs = role_arn === null ? 'self' : (role_access ?? 'role')
  return {
    reached_as: reachedAs,
    role_arn,
    external_id: reachedAs === 'role' ? external_id : null,
    replica_regions: replica_regions ?? [],
  }
}

function accessIn(
  tenantId: string,
  { reached_as, role_arn, external_id, replica_regions }: AccessColumns,
): StoredKeyAccess | undefined {
  const replicaRegions = replica_regions ?? []
  if (reached_as === 'self' && role_arn === null) return { role: undefined, replicaRegions }
  if (role_arn === null) return undefined
  if (reached_as === 'web-identity')
    return { role: { arn: role_arn, subjectTenantId: tenantId }, replicaRegions }
  if (reached_as !== 'role' || external_id === null) return undefined
  return { role: { arn: role_arn, externalId: external_id }, replicaRegions }
}
