// Starts a migration. Both ends are tried before anything is written, and the job stands in the database before
// the caller hears of it.
import {
  isErrorOfKind,
  isKeyholdError,
  isPolicyDenial,
  KeyholdError,
  type KeyInspection,
  type Kms,
  type TenantKey,
} from '@keyhold/core'
import { getStoredTenantKey, unwrapTenantKey } from '../keyring/open-tenant-key.ts'
import { newId } from '../keyring/new-id.ts'
import type { Actor } from '../store/audits.ts'
import type { Fence } from '../store/fence/fence-row.ts'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { KeyProviderRow } from '../store/key-providers/key-provider-row.ts'
import type { Store, TransactionStore } from '../store/store.ts'
import { auditKeyJob, auditTenantKeysDestroyed, endsOf } from './audit-key-job.ts'
import type { Failpoint } from './engine/failpoint.ts'
import { refuseOutdated } from './plan-id.ts'

export interface StartMigrationParts {
  store: Store
  kms: Kms
  failpoint: Failpoint
  /** Puts the job into the queue, inside the caller's transaction. */
  enqueue: (transaction: TransactionStore, keyJobId: string) => Promise<void>
}

/**
 * Starts the migration of a tenant to one of its key providers, the default one included.
 *
 * @param planId - of the plan that was looked at; undefined: it starts from what there is
 * @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `ERR_MIGRATION_RUNNING`, `ERR_MIGRATION_TARGET_CURRENT`,
 * `ERR_MIGRATION_PLAN_OUTDATED`, `ERR_MIGRATION_NOT_STARTED` when the target can't be used, `ERR_MIGRATION_NOT_PREPARED` when source or target can't
 * be reached or deny
 */
export async function startMigration(
  parts: StartMigrationParts,
  tenantId: string,
  targetFingerprint: string,
  actor: Actor,
  planId?: string,
): Promise<KeyJobRow> {
  const { store, kms, failpoint } = parts
  function comparePlan(ends: MigrationEnds, fence: Fence | undefined): void {
    if (planId === undefined || fence === undefined) return
    const world = { tenantId, ends, epoch: fence.epoch, sourceVersion: fence.activeTenantKeyVersion }
    refuseOutdated(planId, world, store.clock.now())
  }

  const before = await findEnds(store, tenantId, targetFingerprint)
  if (planId !== undefined) comparePlan(before, await store.tenants.findFence(tenantId))
  refuseEnds(before)
  await tryTarget(kms, tenantId, before.target)
  await tryActiveKey(store, kms, tenantId)

  await failpoint('migration.start.before-insert')
  // Under the fence no provider is deleted, no migration starts, and no cutover happens.
  const job = await store.withFence(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    // As the plan has seen it: with a rotation that gives way.
    if (planId !== undefined) comparePlan(await findEnds(transaction, tenantId, targetFingerprint), fence)
    await supersedeRotation(transaction, tenantId, actor)
    const ends = await findEnds(transaction, tenantId, targetFingerprint)
    refuseEnds(ends)
    const inserted = await transaction.keyJobs.insert({
      id: newId(store.clock.now()),
      tenantId,
      kind: 'migration',
      sourceFingerprint: ends.source.fingerprint,
      sourceKeyArn: ends.source.keyArn,
      sourceVersion: fence.activeTenantKeyVersion,
      targetFingerprint: ends.target.fingerprint,
      targetKeyArn: ends.target.keyArn,
    })
    await parts.enqueue(transaction, inserted.id)
    auditKeyJob(transaction, inserted, 'migration.start', actor, endsOf(inserted))
    await failpoint('migration.start.before-commit')
    return inserted
  })
  await failpoint('migration.start.after-commit')
  return job
}

export interface MigrationEnds {
  source: KeyProviderRow
  target: KeyProviderRow
  live: KeyJobRow | undefined
}

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND` */
export async function findEnds(
  store: Pick<TransactionStore, 'keyProviders' | 'keyJobs'>,
  tenantId: string,
  targetFingerprint: string,
): Promise<MigrationEnds> {
  const target = await store.keyProviders.find(tenantId, targetFingerprint)
  if (target === undefined) throw new KeyholdError('ERR_KEY_PROVIDER_NOT_FOUND')
  const live = await store.keyJobs.findLive(tenantId)
  return { source: await store.keyProviders.getCurrent(tenantId), target, live }
}

/** @throws KeyholdError `ERR_MIGRATION_RUNNING`, `ERR_MIGRATION_TARGET_CURRENT` */
export function refuseEnds({ target, live }: MigrationEnds): void {
  if (live?.kind === 'migration') throw new KeyholdError('ERR_MIGRATION_RUNNING')
  if (target.isCurrent) throw new KeyholdError('ERR_MIGRATION_TARGET_CURRENT')
}

// The work of a rotation stays as it is: the migration copies cipherkeys from any version that wraps them.
async function supersedeRotation(
  transaction: TransactionStore,
  tenantId: string,
  actor: Actor,
): Promise<void> {
  const live = await transaction.keyJobs.findLive(tenantId)
  if (live?.kind !== 'rotation') return
  const destroyed = await transaction.tenantKeys.destroyPending(tenantId)
  await transaction.keyJobs.end(live.id)
  auditTenantKeysDestroyed(transaction, tenantId, destroyed, live.id)
  auditKeyJob(transaction, live, 'migration.supersede', actor)
}

/**
 * The target must protect the tenant now, in its own region at least.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_STARTED`, `ERR_MIGRATION_NOT_PREPARED`
 */
export async function tryTarget(kms: Kms, tenantId: string, target: KeyProviderRow): Promise<KeyInspection> {
  try {
    return await kms.inspectKey(target.keyArn, tenantId)
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    // No waiting changes the state of the key itself; everything else may pass.
    if (isErrorOfKind(error, 'denial') && !isPolicyDenial(error.code)) {
      throw new KeyholdError('ERR_MIGRATION_NOT_STARTED', {
        message: `The target key provider cannot be used: ${error.message}`,
        cause: error,
      })
    }
    throw notPrepared('target', error)
  }
}

/**
 * The tenant's key must open now, past every cache: there is no way out of a revoked key.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_PREPARED`
 */
export async function tryActiveKey(store: Store, kms: Kms, tenantId: string): Promise<TenantKey> {
  const fence = await store.tenants.findFence(tenantId)
  if (fence === undefined) throw new KeyholdError('ERR_KEY_INTEGRITY')
  const row = await getStoredTenantKey(store, tenantId, fence.activeTenantKeyVersion)
  try {
    return await unwrapTenantKey(kms, row)
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    throw notPrepared('current', error)
  }
}

function notPrepared(end: 'target' | 'current', cause: KeyholdError): KeyholdError {
  return new KeyholdError('ERR_MIGRATION_NOT_PREPARED', {
    message: `The ${end} key provider's key cannot be used now: ${cause.message}`,
    cause,
  })
}
