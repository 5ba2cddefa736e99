// Fills in the facts that replicas of the version before do not write, before they are signed: they follow from what those
// do write.
import { sql } from 'kysely'
import { adoptGuard } from '../guards/guard-rows.ts'
import type { Store } from '../store.ts'

/** Call it before the rows of a tenant are shown and adopted. */
export async function fillRows(store: Pick<Store, 'transaction'>, tenantId: string): Promise<void> {
  await store.transaction(async ({ handle }) => {
    await sql`select * from keyhold.fence_alone(${tenantId})`.execute(handle)
    await sql`
      update keyhold.key_providers set replica_regions = array(select jsonb_array_elements_text(
        jsonb_path_query_array(inspection, '$.replicaKeys[*].region ? (@.type() == "string")')))
      where tenant_id = ${tenantId} and mac is null and replica_regions is null and inspection is not null`.execute(
      handle,
    )
    await adoptGuard(handle, tenantId)
  })
}
