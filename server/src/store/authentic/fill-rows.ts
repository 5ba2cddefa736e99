// Fills in the facts that replicas of the version before do not write, before they are signed: they follow from what they do write. Each statement
// touches rows alone that nobody has signed.
import { sql } from 'kysely'
import type { Store } from '../store.ts'

/** Call it before the rows of a tenant are shown and adopted. */
export async function fillRows(store: Pick<Store, 'transaction'>, tenantId: string): Promise<void> {
  await store.transaction(async ({ handle }) => {
    // Destructions are locked before the fence by everybody.
    await sql`select from keyhold.destructions where tenant_id = ${tenantId} order by id for update`.execute(
      handle,
    )
    await sql`select * from keyhold.fence_alone(${tenantId})`.execute(handle)
    await sql`
      update keyhold.key_providers set replica_regions = array(select jsonb_array_elements_text(
        jsonb_path_query_array(inspection, '$.replicaKeys[*].region ? (@.type() == "string")')))
      where tenant_id = ${tenantId} and mac is null and replica_regions is null and inspection is not null`.execute(
      handle,
    )
    // They write locks and settings elsewhere.
    await sql`
      insert into keyhold.tenant_guards (tenant_id, incarnation) select id, incarnation from keyhold.tenants
      where id = ${tenantId} on conflict do nothing`.execute(handle)
    await sql`
      update keyhold.tenant_guards g set
        (locked_at, locked_by, key_cache_ttl_seconds) = (select l.locked_at, l.locked_by, t.key_cache_ttl_seconds
          from keyhold.tenants t left join keyhold.tenant_locks l on l.tenant_id = t.id where t.id = g.tenant_id)
      where tenant_id = ${tenantId} and mac is null`.execute(handle)
  })
}
