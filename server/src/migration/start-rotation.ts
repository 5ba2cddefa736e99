// Rotates a tenant key: it makes a new version under the same KEK and brings all cipherkeys under it, with the same
// engine as a migration. A migration that is started meanwhile takes its place.
import { KeyholdError } from '@keyhold/core'
import type { RunEach } from '../event-loop/run-each.ts'
import { newId } from '../keyring/new-id.ts'
import { systemActor, type Actor } from '../store/audits.ts'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { DueVersion } from '../store/tenant-keys/tenant-key-row.ts'
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
  return insertRotation(parts, tenantId, actor)
}

/**
 * The same without asking a KMS, for a caller that has none: the replica that leads the key job finds out whether it can be used.
 *
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_MIGRATION_RUNNING`
 */
export async function insertRotation(
  parts: Pick<StartMigrationParts, 'store' | 'enqueue'>,
  tenantId: string,
  actor: Actor,
): Promise<KeyJobRow> {
  const { store } = parts
  return store.withFence(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const { fingerprint, keyArn } = await transaction.keyProviders.getCurrent(tenantId)
    const job = await transaction.keyJobs.insert({
      id: newId(store.clock.now()),
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

// Versions are read this many at a time.
const pageLength = 100

/**
 * Starts the rotation of tenant keys that are older than that, at most `limit`. One that does not begin, as for a KEK that
 * cannot be used, stops none of the others.
 */
export async function rotateDueTenantKeys(
  parts: StartMigrationParts,
  { maxAgeDays, limit }: { maxAgeDays: number; limit: number },
  runEach: RunEach,
): Promise<void> {
  let started = 0
  await runEach(
    async (after: DueVersion | undefined) =>
      started >= limit ? [] : parts.store.tenantKeys.listDueForRotation(maxAgeDays, pageLength, after),
    ({ tenantId }) => tenantId,
    async (due) => {
      if (started >= limit || !(await parts.store.tenantKeys.isOlder(due, maxAgeDays))) return
      await startRotation(parts, due.tenantId, systemActor)
      started += 1
    },
  )
}
