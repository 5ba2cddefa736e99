// Rotates a tenant key: it makes a new version under the same KEK and brings all cipherkeys under it, with the same
// engine as a migration. A migration that is started meanwhile takes its place.
import { KeyholdError } from '@keyhold/core'
import { newId } from '../keyring/new-id.ts'
import { systemActor, type Actor } from '../store/audits.ts'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import { auditKeyJob, endsOf } from './audit-key-job.ts'
import { tryActiveKey, type StartMigrationParts } from './start-migration.ts'

/**
 * Starts the rotation of a tenant's key.
 *
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_MIGRATION_RUNNING` while the tenant has another key job,
 * `ERR_MIGRATION_NOT_PREPARED` when its KEK can't be used now
 */
export async function startRotation(
  parts: StartMigrationParts,
  tenantId: string,
  actor: Actor,
): Promise<KeyJobRow> {
  const { store, kms } = parts
  if ((await store.keyJobs.findLive(tenantId)) !== undefined) throw new KeyholdError('ERR_MIGRATION_RUNNING')
  if ((await store.tenants.findFence(tenantId)) === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  await tryActiveKey(store, kms, tenantId)
  return store.withFence(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const { fingerprint, keyArn } = await transaction.keyProviders.getCurrent(tenantId)
    const job = await transaction.keyJobs.insert({
      id: newId(),
      tenantId,
      kind: 'rotation',
      sourceFingerprint: fingerprint,
      sourceKeyArn: keyArn,
      sourceVersion: fence.activeTenantKeyVersion,
      targetFingerprint: fingerprint,
      targetKeyArn: keyArn,
    })
    await parts.enqueue(transaction, job.id)
    auditKeyJob(transaction, job, 'tenantkey.rotate', actor, endsOf(job))
    return job
  })
}

/**
 * Starts the rotation of tenant keys that are older than that, a few at a time. Answers for each whether it began.
 *
 * @param onRefusal - receives the reason why one did not begin; it is tried again the next time
 */
export async function rotateDueTenantKeys(
  parts: StartMigrationParts,
  { maxAgeDays, limit }: { maxAgeDays: number; limit: number },
  onRefusal: (tenantId: string, error: unknown) => void,
): Promise<void> {
  for (const tenantId of await parts.store.tenantKeys.listDueForRotation(maxAgeDays, limit)) {
    await startRotation(parts, tenantId, systemActor).catch((error: unknown) => {
      onRefusal(tenantId, error)
    })
  }
}
