// Replicas of the version before leave out columns that are signed now. These follow from what they do write, before the rows
// are shown and adopted.
import { sql } from 'kysely'
import { fillMinimumVersions } from '../cipherkeys/minimum-versions.ts'
import { adoptApiKeys } from '../api-keys/resign-scope.ts'
import { fillDigests } from '../destructions/fill-digests.ts'
import { adoptGuard } from '../guards/guard-rows.ts'
import { fillJsonDigests } from '../key-jobs/fill-json-digests.ts'
import type { Store } from '../store.ts'

/** @param tenantId - undefined: the rows that are of no tenant */
export async function fillRows(
  store: Pick<Store, 'transaction'>,
  tenantId: string | undefined,
): Promise<void> {
  await store.transaction(async ({ handle }) => {
    if (tenantId === undefined) {
      await adoptApiKeys(handle, undefined)
      return
    }
    await sql`select * from keyhold.fence_alone(${tenantId})`.execute(handle)
    // They write minimum versions into the states of cipherkeys alone.
    await fillMinimumVersions(handle, tenantId)
    await sql`
      update keyhold.key_providers set replica_regions = array(select jsonb_array_elements_text(
        jsonb_path_query_array(inspection, '$.replicaKeys[*].region ? (@.type() == "string")')))
      where tenant_id = ${tenantId} and mac is null and replica_regions is null and inspection is not null`.execute(
      handle,
    )
    await fillDigests(handle, tenantId)
    await fillJsonDigests(handle, tenantId)
    await adoptGuard(handle, tenantId)
    await adoptApiKeys(handle, tenantId)
  })
}
