// Replicas of the version before leave out columns and rows that are signed now. These follow from what they do write, before
// the rows are shown and adopted.
import { sql } from 'kysely'
import { adoptApiKeys } from '../api-keys/resign-scope.ts'
import type { Database } from '../database.ts'
import { fillDigests } from '../destructions/fill-digests.ts'
import { adoptGuard } from '../guards/guard-rows.ts'
import { fillJsonDigests } from '../key-jobs/fill-json-digests.ts'

/**
 * All but minimum versions, which follow from all cipherkeys of the tenant. Call it under the tenant's fence.
 *
 * @param tenantId - undefined: the rows that are of no tenant
 */
export async function fillRows(db: Database, tenantId: string | undefined): Promise<void> {
  if (tenantId === undefined) {
    await adoptApiKeys(db, undefined)
    return
  }
  await sql`
    update keyhold.key_providers p set replica_regions = i.regions, mac = null
    from (
      select fingerprint, array(select jsonb_array_elements_text(
        jsonb_path_query_array(inspection, '$.replicaKeys[*].region ? (@.type() == "string")'))) as regions
      from keyhold.key_providers where tenant_id = ${tenantId} and inspection is not null order by fingerprint for update
    ) i
    where p.tenant_id = ${tenantId} and p.fingerprint = i.fingerprint and p.replica_regions is distinct from i.regions`.execute(
    db,
  )
  await fillDigests(db, tenantId)
  await fillJsonDigests(db, tenantId)
  await adoptGuard(db, tenantId)
  await adoptApiKeys(db, tenantId)
}
