// Deletes a tenant in steps, however many cipherkeys it has. The first one, under the fence, empties its tenant keys: from
// then on nothing of it can be decrypted, and there is no way back. The others delete rows, some at a time, and store how
// far they have come. The last one deletes what is left and signs the record. Whichever replica is killed at whichever
// point, another one goes on there.
import { KeyholdError } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createIdentityDigest, resumeIdentityDigest } from '../keyring/identity-digest.ts'
import { systemActor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import type { TransactionStore } from '../store/store.ts'
import type { TenantDeletionState } from '../store/destructions/tenant-deletion-state.ts'
import type { TenantDeletionClaim } from '../store/destructions/tenant-deletions.ts'
import { auditDestruction } from './audit-destruction.ts'
import { describeTenant } from './describe-tenant.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { destructionRecord, endTimeOf } from './destruction-record.ts'
import { endLiveKeyJob } from './end-live-key-job.ts'
import { addToCount, describeCipherkey, identityOf, maxListed } from './ended-cipherkeys.ts'

// A step takes some ten milliseconds; with the pause the tenants that work meanwhile hardly notice. The first page has all
// cipherkeys that the record names.
const pageRows = maxListed
const pauseMs = 20
// After a failure the deletion is left alone, so that it takes no time from others.
const failedSeconds = 5

/** Another run has the claim now. Uncommitted work is given up, and nothing is wrong. */
class ClaimLost extends Error {}

interface Deletion extends TenantDeletionClaim {
  /** Undefined: it has not begun. */
  state: TenantDeletionState | undefined
}

type Begun = TenantDeletionClaim & { state: TenantDeletionState }

/**
 * Goes on with the deletion of a tenant.
 *
 * @param untilMs - it stops after the step at hand when `performance.now()` has reached this
 * @returns the destruction once it is done; undefined: another call must go on with it, or it cannot be done now
 */
export async function destroyTenant(
  parts: RunDestructionsParts,
  due: DestructionRow,
  untilMs: number,
): Promise<DestructionRow | undefined> {
  const { tenantDeletions } = parts.store
  const { id, tenantId } = due
  const claimId = randomUUID()
  const claimed = await tenantDeletions.claim(id, claimId)
  if (claimed === undefined) return undefined
  let pauseSeconds = failedSeconds
  try {
    const done = await goOn(parts, { ...claimed, id, tenantId, claimId }, untilMs)
    pauseSeconds = 0
    return done
  } catch (error) {
    if (error instanceof ClaimLost) return undefined
    throw error
  } finally {
    // If it fails the claim ends by itself.
    await tenantDeletions.giveUp(id, claimId, pauseSeconds).catch(() => undefined)
  }
}

async function goOn(
  parts: RunDestructionsParts,
  deletion: Deletion,
  untilMs: number,
): Promise<DestructionRow | undefined> {
  const isOver = () => parts.signal.aborted || performance.now() >= untilMs
  let begun = await begin(parts, deletion)
  if (begun === undefined) return undefined
  for (;;) {
    const next = await deletePage(parts, begun)
    if (next === undefined) break
    begun = next
    if (isOver()) return undefined
    await sleep(pauseMs)
  }
  while (await parts.store.cipherkeyEnds.deleteFailures(begun.tenantId, pageRows)) {
    if (isOver()) return undefined
    await sleep(pauseMs)
  }
  return end(parts, begun)
}

/** Undefined: it cannot begin now. */
async function begin(
  { store, onShredded }: RunDestructionsParts,
  { state: stored, ...claim }: Deletion,
): Promise<Begun | undefined> {
  if (stored !== undefined) return { ...claim, state: stored }
  const { id, tenantId } = claim
  const digest = await createIdentityDigest()
  const first = { count: 0, dataKeys: 0, keyNames: 0, digestState: digest.state().toString('base64') }
  // The fence keeps out requests that make cipherkeys or start a key job. After this transaction there is none to take.
  const begun = await store.withFence(tenantId, async (transaction, fence) => {
    const due = await transaction.destructions.lockDue(tenantId, id)
    if (due?.kind !== 'tenant') return undefined
    if (fence === undefined) throw new TypeError(`destruction ${id}: its tenant is gone`)
    await transaction.guards.hold(tenantId)
    await endLiveKeyJob(transaction, tenantId, fence.activeTenantKeyVersion)
    const described = {
      ...(await describeTenant(transaction, tenantId)),
      apiKeys: await transaction.apiKeys.deleteAll(tenantId),
    }
    await transaction.sessions.end({ tenantId })
    await transaction.setupLinks.deleteAll(tenantId)
    await transaction.tenantKeys.destroyAll(tenantId)
    await transaction.keyProviders.deleteAll(tenantId)
    transaction.tenants.end(tenantId)
    const state = { progress: first, described }
    const destruction = await transaction.tenantDeletions.begin(claim, state)
    if (destruction === undefined) throw new ClaimLost()
    return { destruction, state }
  })
  if (begun === undefined) return undefined
  onShredded(begun.destruction)
  return { ...claim, state: begun.state }
}

/** Undefined: no cipherkey is left. */
async function deletePage(
  { store }: RunDestructionsParts,
  { state, ...claim }: Begun,
): Promise<Begun | undefined> {
  const { progress, described } = state
  return store.withFence(claim.tenantId, async (transaction) => {
    await lockBegun(transaction, claim, state)
    await transaction.cipherkeyEnds.readInOrder()
    const page = await transaction.cipherkeyEnds.deleteNext(claim.tenantId, {
      dataKeyId: undefined,
      limit: pageRows,
      ...(progress.after !== undefined && { after: progress.after }),
    })
    const last = page.at(-1)
    if (last === undefined) return undefined
    const next = {
      progress: {
        ...addToCount(progress, page, progress.after),
        after: { dataKeyId: last.dataKeyId, version: last.version },
        digestState: await addToDigest(progress.digestState, Buffer.concat(page.map(identityOf))),
      },
      described:
        progress.after === undefined ? { ...described, listed: page.map(describeCipherkey) } : described,
    }
    await transaction.tenantDeletions.save(claim, state, next)
    return { ...claim, state: next }
  })
}

async function lockBegun(
  { tenantDeletions }: TransactionStore,
  claim: TenantDeletionClaim,
  state: TenantDeletionState,
): Promise<DestructionRow> {
  const destruction = await tenantDeletions.lockBegun(claim, state)
  if (destruction === undefined) throw new ClaimLost()
  return destruction
}

async function addToDigest(state: string, identities: Buffer): Promise<string> {
  const digest = await openDigest(state)
  digest.add(identities)
  return digest.state().toString('base64')
}

async function openDigest(state: string) {
  const digest = await resumeIdentityDigest(Buffer.from(state, 'base64'))
  if (digest !== undefined) return digest
  throw new KeyholdError('ERR_INTERNAL', {
    message: 'This version of Keyhold cannot go on with a deletion that another one began: finish it there.',
  })
}

async function end(
  { store, holdSigner }: RunDestructionsParts,
  { state, ...claim }: Begun,
): Promise<DestructionRow> {
  const { tenantId } = claim
  const { count, dataKeys, keyNames, digestState } = state.progress
  const digest = (await openDigest(digestState)).end()
  return store.withFence(tenantId, async (transaction) => {
    const destruction = await lockBegun(transaction, claim, state)
    const { listed = [], ...facts } = state.described
    const keyJobs = await transaction.keyJobs.deleteAll(tenantId)
    await transaction.tenantKeys.deleteAll(tenantId)
    const destroyedAt = endTimeOf(transaction, destruction)
    const signRecord = await holdSigner(transaction)
    const jws = signRecord({
      ...destructionRecord(destruction, destroyedAt),
      ...facts,
      ...{ keyNames, keyJobs, cipherkeys: { count, dataKeys, digest, listed } },
    })
    for (const finished of await transaction.destructions.finishAll(tenantId, destroyedAt, jws))
      auditDestruction(transaction, finished, 'done', systemActor)
    await transaction.tenants.delete(tenantId)
    return destruction
  })
}
