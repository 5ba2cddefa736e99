// Tenant key versions of format 1, which bind neither the name nor the time of a data key. Rotations end them.
import type pg from 'pg'

export interface VersionOfFormat1 {
  tenantId: string
  version: number
  /** Whether new data keys come under it. */
  isActive: boolean
  /** How many cipherkeys it wraps. */
  cipherkeys: number
  /** Whether its destruction has a time. */
  hasEnd: boolean
}

/**
 * Those that are active, wrap anything, or have no end and are not destroyed. By the rows as they are: their MACs are looked at elsewhere. Give it a connection
 * without time limits: where there is such a version, it reads all cipherkeys.
 */
export async function listVersionsOfFormat1(client: Pick<pg.Client, 'query'>): Promise<VersionOfFormat1[]> {
  const { rows } = await client.query<VersionOfFormat1>(`
    with old as materialized (
      select tenant_id, version, state, destroy_after from keyhold.tenant_keys where format is null and state <> 'destroyed'
    ), counted as (
      select o.tenant_id, o.version, count(*) as cipherkeys from old o
      join keyhold.cipherkeys c on c.tenant_id = o.tenant_id and c.tenant_key_version = o.version group by 1, 2
    )
    select o.tenant_id as "tenantId", o.version, o.state = 'active' as "isActive",
      coalesce(c.cipherkeys, 0)::float8 as cipherkeys, o.destroy_after is not null as "hasEnd"
    from old o left join counted c using (tenant_id, version)
    where o.state = 'active' or c.cipherkeys > 0 or o.destroy_after is null order by o.tenant_id, o.version`)
  return rows
}
