// Prepare makes the tenant's next key version, wrapped by the target, and unwraps it through the target again.
// Nothing uses it yet.
import { isErrorOfKind, keyCheckValue } from '@keyhold/core'
import { newId } from '../../keyring/new-id.ts'
import { tryTenantKey } from '../../keyring/open-tenant-key.ts'
import { systemActor } from '../../store/audits.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { auditKeyJob } from '../audit-key-job.ts'
import { advance, requireLive, type LeaderParts } from '../engine/migration-parts.ts'

export async function prepare(parts: LeaderParts, job: LedKeyJob): Promise<void> {
  const { store, kms, failpoint } = parts
  await failpoint('migration.prepare.before-kms')
  try {
    await kms.inspectKey(job.targetKeyArn, job.tenantId)
  } catch (error) {
    // A rotation stays under a key that already protects the tenant. If the key's own region is away, another one may
    // make the new tenant key, and does not where it cannot. A migration waits until every region can be tried.
    if (job.kind !== 'rotation' || !isErrorOfKind(error, 'outage')) throw error
  }

  const version = (await store.tenantKeys.maxVersion(job.tenantId)) + 1
  const ref = { tenantId: job.tenantId, id: newId(store.clock.now()), version }
  const { key, wrapped } = await kms.createTenantKey(job.targetKeyArn, ref)
  const row = {
    ...ref,
    state: 'pending' as const,
    keyArn: job.targetKeyArn,
    wrapped,
    keyCheckValue: keyCheckValue({ ...ref, key }),
  }
  await tryTenantKey(kms, row)
  await failpoint('migration.prepare.after-kms')

  await store.withFence(job.tenantId, async (transaction, fence) => {
    requireLive(job, fence)
    await transaction.tenantKeys.insert(row)
    await advance(parts, transaction, job, { phase: 'dual', targetVersion: version })
    auditKeyJob(transaction, job, 'migration.prepare', systemActor, { tenantKeyVersion: String(version) })
    await failpoint('migration.prepare.before-commit')
  })
  await failpoint('migration.prepare.after-commit')
}
