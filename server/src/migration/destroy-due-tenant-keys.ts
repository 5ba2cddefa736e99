// Destroys retired tenant key versions whose backup retention has passed. It looks again for cipherkeys under them: a
// version that any cipherkey still needs is never destroyed.
import { isKeyholdError } from '@keyhold/core'
import type { RunEach } from '../event-loop/run-each.ts'
import { decideUnderFence } from '../keyring/decide-under-fence.ts'
import type { Store } from '../store/store.ts'
import type { DueVersion } from '../store/tenant-keys/tenant-key-row.ts'
import { auditTenantKeysDestroyed } from './audit-key-job.ts'

// Versions are read this many at a time.
const pageLength = 100

/** Destroys the versions that are due, and answers their number. One that fails stops no other tenant's. */
export async function destroyDueTenantKeys(store: Store, runEach: RunEach): Promise<number> {
  let destroyed = 0
  await runEach(
    (after: DueVersion | undefined) => store.tenantKeys.listDueForDestruction(pageLength, after),
    ({ tenantId }) => tenantId,
    async (due) => {
      if (await destroy(store, due)) destroyed += 1
    },
  )
  return destroyed
}

async function destroy(store: Store, { tenantId, version }: DueVersion): Promise<boolean> {
  const look = () => store.surveys.findNeeded(tenantId, [version])
  return decideUnderFence(store, tenantId, look, async (transaction, needed, fence) => {
    if (needed.length > 0) return false
    // Another replica was faster.
    if (!(await transaction.tenantKeys.destroy(tenantId, version))) return false
    await transaction.tenants.moveFence(tenantId, fence.activeTenantKeyVersion)
    auditTenantKeysDestroyed(transaction, tenantId, [version])
    return true
  }).catch((error: unknown) => {
    // Its tenant was deleted meanwhile.
    if (!isKeyholdError(error, 'ERR_TENANT_NOT_FOUND')) throw error
    return false
  })
}
