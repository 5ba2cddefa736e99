// Runs the destructions that are due. Each is one transaction with its record: a kill at any point leaves everything,
// or nothing and the proof of it.
import { systemActor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions.ts'
import type { Fence } from '../store/fence/fence-queries.ts'
import type { Store, TransactionStore } from '../store/store.ts'
import { auditDestruction } from './audit-destruction.ts'
import { endCipherkeys } from './end-cipherkeys.ts'
import { endLiveKeyJob } from './end-live-key-job.ts'

export interface RunDestructionsParts {
  store: Store
  /** Signs JSON and answers a compact JWS. */
  signRecord: (payload: Readonly<Record<string, unknown>>) => string
  /** Called after the commit, so that no replica goes on with keys that it holds in memory. */
  onDestroyed: (destruction: DestructionRow) => void
  /** Receives a failure. The destruction is tried again with the next call. */
  onFailed: (destructionId: string, error: unknown) => void
}

// A replica runs at most this many before the rest of its sweep.
const destructionsAtOnce = 10

/** Runs the destructions that are due. All replicas may call it at once: one of them does each destruction. */
export async function runDueDestructions(parts: RunDestructionsParts): Promise<void> {
  for (const id of await parts.store.destructions.listDue(destructionsAtOnce)) {
    try {
      const due = await parts.store.destructions.find(id)
      if (due === undefined) continue
      // The fence keeps out requests that make cipherkeys or start a key job.
      const destruction = await parts.store.withFence(due.tenantId, (transaction, fence) =>
        destroy(parts, transaction, fence, id),
      )
      if (destruction !== undefined) parts.onDestroyed(destruction)
    } catch (error) {
      parts.onFailed(id, error)
    }
  }
}

/** Undefined: it cannot be done now. */
async function destroy(
  { signRecord }: RunDestructionsParts,
  transaction: TransactionStore,
  fence: Fence | undefined,
  id: string,
): Promise<DestructionRow | undefined> {
  const destruction = await transaction.destructions.lockDue(id)
  if (destruction === undefined) return undefined
  const { tenantId, kind } = destruction
  if (fence === undefined) throw new TypeError(`destruction ${id}: its tenant is gone`)
  if (kind === 'tenant') await endLiveKeyJob(transaction, tenantId, fence.activeTenantKeyVersion)
  // A key job goes through all cipherkeys and counts them, so that a data key waits for its end. One that began after the
  // list of due destructions was read is seen here.
  else if ((await transaction.keyJobs.findLive(tenantId)) !== undefined) return undefined

  const destroyedAt = new Date()
  const destroyed =
    kind === 'tenant'
      ? await destroyTenant(transaction, destruction)
      : await destroyDataKey(transaction, destruction, fence.activeTenantKeyVersion)
  const jws = signRecord({
    type: 'keyhold/destruction-record/1',
    id,
    kind,
    tenantId,
    scheduledBy: destruction.scheduledBy,
    scheduledAt: destruction.scheduledAt.toISOString(),
    dueAt: destruction.dueAt.toISOString(),
    destroyedAt: destroyedAt.toISOString(),
    ...destroyed,
  })
  if (kind === 'tenant') {
    for (const finished of await transaction.destructions.finishAll(tenantId, destroyedAt, jws))
      auditDestruction(transaction, finished, 'done', systemActor)
  } else {
    await transaction.destructions.finish(id, destroyedAt, jws)
    auditDestruction(transaction, destruction, 'done', systemActor)
  }
  return destruction
}

async function destroyDataKey(
  transaction: TransactionStore,
  { tenantId, keyName, dataKeyId }: DestructionRow,
  activeTenantKeyVersion: number,
): Promise<Record<string, unknown>> {
  if (keyName === undefined || dataKeyId === undefined) throw new TypeError('a data key without id')
  const { cipherkeys, keyNames } = await endCipherkeys(transaction, tenantId, dataKeyId)
  await transaction.cipherkeyEnds.forgetFailures(tenantId, dataKeyId)
  await transaction.dataKeys.addToCount(tenantId, -keyNames)
  // A request that is about to commit a next version of this data key comes too late.
  await transaction.tenants.moveFence(tenantId, activeTenantKeyVersion)
  return { keyName, dataKeyId, cipherkeys }
}

async function destroyTenant(
  transaction: TransactionStore,
  { tenantId }: DestructionRow,
): Promise<Record<string, unknown>> {
  const tenant = await transaction.tenants.find(tenantId)
  const tenantKeys = await describeTenantKeys(transaction, tenantId)
  const keyProviders = (await transaction.keyProviders.list(tenantId)).map(({ fingerprint, keyArn }) => ({
    fingerprint,
    keyArn,
  }))
  const { cipherkeys, keyNames } = await endCipherkeys(transaction, tenantId)
  const keyJobs = await transaction.keyJobs.deleteAll(tenantId)
  const apiKeys = await transaction.apiKeys.deleteAll(tenantId)
  await transaction.keyProviders.deleteAll(tenantId)
  await transaction.tenantKeys.deleteAll(tenantId)
  await transaction.tenants.delete(tenantId)
  return { name: tenant?.name ?? null, keyNames, cipherkeys, tenantKeys, keyProviders, keyJobs, apiKeys }
}

async function describeTenantKeys(transaction: TransactionStore, tenantId: string): Promise<unknown[]> {
  const versions: unknown[] = []
  for (const { version, state, keyArn, createdAt, destroyedAt } of await transaction.tenantKeys.list(
    tenantId,
  )) {
    const row = await transaction.tenantKeys.find(tenantId, version)
    if (row === undefined) throw new TypeError('a tenant key version is gone under the fence')
    versions.push({
      id: row.id,
      version,
      state,
      keyArn,
      keyCheckValue: row.keyCheckValue.toString('hex'),
      createdAt: createdAt.toISOString(),
      destroyedAt: destroyedAt?.toISOString() ?? null,
    })
  }
  return versions
}
