// How a tenant's key is reached: as its key provider says, and where that is deleted, as the versions under the key say.
import { keyArnFingerprint, type CustomerRole } from '@keyhold/core'
import { sql } from 'kysely'
import type { Database } from './database.ts'

export interface StoredKeyAccess {
  /** Undefined: under Keyhold's own identity. */
  role: CustomerRole | undefined
  /** Other regions in which the key was last seen. */
  replicaRegions: string[]
}

interface AccessRow {
  reached_as: 'internal' | 'self' | 'role' | null
  role_arn: string | null
  external_id: string | null
  replica_regions: string[] | null
}

// A damaged inspection is an error where the provider is shown; here it only means that no replica is known.
const ofProvider = sql`
  case when p.kms = 'internal' then 'internal' when p.role_arn is null then 'self' else 'role' end as reached_as,
  p.role_arn, case when p.role_arn is not null then t.external_id end as external_id,
  array(select jsonb_array_elements_text(
    jsonb_path_query_array(p.inspection, '$.replicaKeys[*].region ? (@.type() == "string")'))) as replica_regions`

export function keyAccessQueries(db: Database) {
  return {
    /** Undefined: it is known of neither. Then nobody may ask for the key, least of all under an identity that is guessed. */
    async find(tenantId: string, keyArn: string): Promise<StoredKeyAccess | undefined> {
      const { rows } = await sql<AccessRow>`
        select * from (
          select 0 as place, ${ofProvider}
          from keyhold.key_providers p join keyhold.tenants t on t.id = p.tenant_id
          where p.tenant_id = ${tenantId} and p.fingerprint = ${keyArnFingerprint(keyArn)} and p.key_arn = ${keyArn}
          union all
          (select 1, reached_as, role_arn, external_id, replica_regions from keyhold.tenant_keys
          where tenant_id = ${tenantId} and key_arn = ${keyArn} and reached_as is not null and state <> 'destroyed'
          order by version desc limit 1)
        ) a order by place limit 1`.execute(db)
      const [row] = rows
      return row && accessIn(row)
    },

    /** Copies it to the versions under the key, from its key provider. */
    async keep(tenantId: string, keyArn: string): Promise<void> {
      await sql`
        with locked as (
          select version from keyhold.tenant_keys
          where tenant_id = ${tenantId} and key_arn = ${keyArn} and state <> 'destroyed' order by version for update
        )
        update keyhold.tenant_keys v
        set reached_as = a.reached_as, role_arn = a.role_arn, external_id = a.external_id, replica_regions = a.replica_regions
        from (
          select ${ofProvider} from keyhold.key_providers p join keyhold.tenants t on t.id = p.tenant_id
          where p.tenant_id = ${tenantId} and p.key_arn = ${keyArn}
        ) a
        where v.tenant_id = ${tenantId} and v.version in (select version from locked)`.execute(db)
    },
  }
}

function accessIn({
  reached_as,
  role_arn,
  external_id,
  replica_regions,
}: AccessRow): StoredKeyAccess | undefined {
  const replicaRegions = replica_regions ?? []
  if (reached_as === 'self' && role_arn === null) return { role: undefined, replicaRegions }
  if (reached_as !== 'role' || role_arn === null || external_id === null) return undefined
  return { role: { arn: role_arn, externalId: external_id }, replicaRegions }
}
