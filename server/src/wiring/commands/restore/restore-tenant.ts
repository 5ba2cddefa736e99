// Confirms the older rows of a tenant, in one transaction: a decision of the time since that keeps something closed counts as well
// as those of the older rows. Where the newest decisions are not known, the tenant is locked and none of its API keys holds.
import { auditDestruction } from '../../../destruction/audit-destruction.ts'
import { turnRoundUnderFence } from '../../../migration/cancel-migration.ts'
import { commandActor } from '../../../store/audits.ts'
import type { FenceFacts, GuardFacts } from '../../../store/generations/generation-facts.ts'
import type { Guard } from '../../../store/guards/guards.ts'
import type { Fence } from '../../../store/fence/fence-row.ts'
import type { KeyJobRow } from '../../../store/key-jobs/key-jobs.ts'
import type { Store, TransactionStore } from '../../../store/store.ts'
import { isOlder, type OlderTenant } from './find-older.ts'
import { restoreApiKeys } from './restore-api-keys.ts'
import { refuseAnotherGeneration, restoredGeneration } from './restored-generation.ts'

/** The changes of the older rows. */
export interface RestoredTenant {
  isLocked: boolean
  cancelledKeyJob: string | undefined
  cancelledDestructions: string[]
  /** Data keys whose minimum version was raised. */
  raisedMinimums: string[]
  revokedApiKeys: string[]
}

/** The newest decisions; `unknown`: there are some that nobody has kept. Undefined: the row is not older. */
type Newest<Facts> = Facts | 'unknown' | undefined

function newestOf<Facts>(row: {
  shown: number
  record: { generation: number; known: { generation: number; facts: Facts } | undefined } | undefined
}): Newest<Facts> {
  if (!isOlder(row)) return undefined
  const { generation = 0, known } = row.record ?? {}
  return known !== undefined && known.generation >= generation ? known.facts : 'unknown'
}

/**
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where the older rows are not as Keyhold wrote them either, and
 * `ERR_RESTORE_BLOCKED` where they are others than those that were shown
 */
export async function restoreTenant(
  store: Pick<Store, 'withFence'>,
  older: OlderTenant,
): Promise<RestoredTenant> {
  const { tenantId } = older
  const ofFence = newestOf<FenceFacts>(older.fence)
  const ofGuard = newestOf<GuardFacts>(older.guard)
  return store.withFence(tenantId, async (transaction, fence) => {
    refuseAnotherGeneration(
      `fence of tenant ${tenantId}`,
      older.fence.shown,
      transaction.tenants.heldGeneration(tenantId),
    )
    const cancelledKeyJob = fence && (await cancelKeyJob(transaction, tenantId, fence, ofFence))
    const cancelledDestructions =
      fence === undefined ? [] : await cancelDestructions(transaction, tenantId, ofFence)
    const raisedMinimums = await raiseMinimums(transaction, tenantId, older)
    const closed = await restoreGuard(transaction, older, ofFence, ofGuard)
    const fenceTo = restoredGeneration(older.fence.shown, older.fence.record?.generation ?? 0)
    transaction.tenants.leap(tenantId, fenceTo)
    transaction.audit({
      tenantId,
      actor: commandActor,
      action: 'tenant.confirm-restore',
      targetId: tenantId,
      details: {
        ...generationsOf('fence', older.fence, fenceTo),
        ...generationsOf('guard', older.guard, closed.guardTo),
        knowsNewest: String(ofFence !== 'unknown' && ofGuard !== 'unknown'),
      },
    })
    const { isLocked, revokedApiKeys } = closed
    return { isLocked, cancelledKeyJob, cancelledDestructions, raisedMinimums, revokedApiKeys }
  })
}

function generationsOf(
  name: 'fence' | 'guard',
  { shown, record }: OlderTenant['fence'] | OlderTenant['guard'],
  to: number,
): Record<string, string> {
  return {
    [`${name}Shown`]: String(shown),
    [`${name}Known`]: String(record?.generation ?? shown),
    [`${name}Now`]: String(to),
  }
}

async function cancelKeyJob(
  transaction: TransactionStore,
  tenantId: string,
  fence: Fence,
  newest: Newest<FenceFacts>,
): Promise<string | undefined> {
  if (newest === undefined) return undefined
  const live = await transaction.keyJobs.findLive(tenantId)
  if (live === undefined || live.phase === 'aborting' || !wasCancelled(live, newest)) return undefined
  await turnRoundUnderFence(transaction, fence, live, commandActor)
  return live.id
}

/** A key job that is live in the older rows: it goes on if it was live until the end, or had come to its target. */
function wasCancelled({ id, targetFingerprint }: KeyJobRow, newest: FenceFacts | 'unknown'): boolean {
  if (newest === 'unknown' || newest.isEnding) return true
  if (newest.liveJobId === id) return newest.isLiveJobCancelled
  return newest.currentFingerprint !== targetFingerprint
}

/** One that was done is done again; one that is neither open any more nor known to be done was cancelled. */
async function cancelDestructions(
  transaction: TransactionStore,
  tenantId: string,
  newest: Newest<FenceFacts>,
): Promise<string[]> {
  if (newest === undefined) return []
  const kept = newest === 'unknown' ? [] : [...newest.openDestructions, ...newest.doneDestructions]
  const cancelled: string[] = []
  for (const id of transaction.manifest.keys('destruction')) {
    if (kept.includes(id)) continue
    const destruction = await transaction.destructions.find(id)
    if (destruction === undefined) continue
    if (!(await transaction.destructions.cancel(tenantId, id, commandActor.id))) continue
    auditDestruction(transaction, destruction, 'cancelled', commandActor)
    cancelled.push(id)
  }
  return cancelled
}

/** Also those that were known last, where newer ones are not. */
async function raiseMinimums(
  transaction: TransactionStore,
  tenantId: string,
  { fence }: OlderTenant,
): Promise<string[]> {
  const minimums = isOlder(fence) ? (fence.record?.known?.facts.minimumVersions ?? {}) : {}
  const raised: string[] = []
  for (const [dataKeyId, minimumVersion] of Object.entries(minimums).sort()) {
    if (!(await transaction.minimumVersions.raise(tenantId, dataKeyId, minimumVersion))) continue
    transaction.audit({
      tenantId,
      actor: commandActor,
      action: 'datakey.set-minimum-version',
      targetId: dataKeyId,
      details: { minimumVersion: String(minimumVersion) },
    })
    raised.push(dataKeyId)
  }
  return raised
}

async function restoreGuard(
  transaction: TransactionStore,
  { tenantId, guard }: OlderTenant,
  ofFence: Newest<FenceFacts>,
  ofGuard: Newest<GuardFacts>,
) {
  const guardTo = restoredGeneration(guard.shown, guard.record?.generation ?? 0)
  const facts = ofGuard === 'unknown' ? undefined : ofGuard
  const isUnclear = ofGuard === 'unknown' || ofFence === 'unknown' || (ofFence?.isEnding ?? false)
  const { older, decided } = await transaction.guards.restore(
    tenantId,
    guardTo,
    (before, { generation, at }) => {
      refuseAnotherGeneration(`guard of tenant ${tenantId}`, guard.shown, generation)
      const isAnother = facts !== undefined && facts.incarnation !== before.incarnation
      return {
        lock: before.lock ?? lockOf(tenantId, facts, isUnclear || isAnother, at),
        keyCacheTtlSeconds: shortest(before, facts),
        apiKeyGeneration:
          ofGuard === undefined
            ? before.apiKeyGeneration
            : restoredGeneration(before.apiKeyGeneration, facts?.apiKeyGeneration ?? 0),
      }
    },
  )
  if (older.lock === undefined && decided.lock !== undefined)
    transaction.audit({ tenantId, actor: commandActor, action: 'tenant.lock', targetId: tenantId })
  const ofApiKeys = { from: older.apiKeyGeneration, to: decided.apiKeyGeneration, newest: facts }
  const revokedApiKeys = ofGuard === undefined ? [] : await restoreApiKeys(transaction, tenantId, ofApiKeys)
  return { guardTo, isLocked: decided.lock !== undefined, revokedApiKeys }
}

function lockOf(
  tenantId: string,
  facts: GuardFacts | undefined,
  isUnclear: boolean,
  at: Date,
): Guard['lock'] {
  if (facts !== undefined && facts.lockedAtMs !== null && facts.lockedBy !== null)
    return { tenantId, lockedAt: new Date(facts.lockedAtMs), lockedBy: facts.lockedBy }
  return isUnclear ? { tenantId, lockedAt: at, lockedBy: commandActor.id } : undefined
}

function shortest({ keyCacheTtlSeconds: older }: Guard, facts: GuardFacts | undefined): number | undefined {
  const known = [older, facts?.keyCacheTtlSeconds ?? undefined].filter((each) => each !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
