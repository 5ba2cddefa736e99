// Every cipherkey of a tenant, opened chunk by chunk in the order of the primary key. How far that has come is stored
// with what was found, so that a proof which is interrupted, by a crash or for the sake of others, need not begin again.
import type { TenantKey } from '@keyhold/core'
import { identitiesOf } from '../store/cipherkey-records.ts'
import type { CipherkeyPosition } from '../store/cipherkeys.ts'
import type { KeyJobRow } from '../store/key-jobs.ts'
import { setAside } from './copy-cipherkeys.ts'
import { createIdentityDigest, resumeIdentityDigest, type IdentityDigest } from './identity-digest.ts'
import { advance, type LeaderParts } from './migration-parts.ts'
import type { Turn } from './pacer.ts'
import type { UnreadableCipherkey } from './rewrap-records.ts'

/** How far it has come: what is in it was opened, or set aside. */
export interface Proof {
  rows: number
  after: CipherkeyPosition | undefined
  digest: IdentityDigest
}

/** Begins a proof, or takes up what was saved of it. */
export async function openProof({ store }: LeaderParts, { tenantId, id }: KeyJobRow): Promise<Proof> {
  // As it is now: what was brought over in this very step is to be proven as well.
  const job = await store.keyJobs.find(tenantId, id)
  if (job?.verifiedTo !== undefined) {
    const { digestState, ...after } = job.verifiedTo
    const digest = await resumeIdentityDigest(digestState)
    if (digest !== undefined) return { rows: job.verified, after, digest }
  }
  return { rows: 0, after: undefined, digest: await createIdentityDigest() }
}

const saveMs = 1_000

interface CheckAtWork {
  unreadable: Promise<UnreadableCipherkey[]>
  identities: Buffer
  rows: number
  last: CipherkeyPosition
  turn: Turn
}

/**
 * Opens every cipherkey after `proof.after` and sets aside those that don't open; answers whether that reached the end.
 * Otherwise the lead is to be given up.
 */
export async function openAll(
  parts: LeaderParts,
  job: KeyJobRow,
  proof: Proof,
  tenantKey: TenantKey,
): Promise<boolean> {
  const { store, threads, pacer, signal, stint, failpoint } = parts
  const checks: CheckAtWork[] = []
  let savedAtMs = performance.now()
  let readTo = proof.after

  async function settleOldest(): Promise<void> {
    const oldest = checks.shift()
    if (oldest === undefined) return
    const unreadable = await oldest.unreadable
    oldest.turn.done(oldest.rows)
    proof.rows += oldest.rows
    proof.after = oldest.last
    proof.digest.add(oldest.identities)
    if (unreadable.length === 0 && performance.now() - savedAtMs < saveMs) return
    await save(unreadable)
  }

  async function save(unreadable: UnreadableCipherkey[]): Promise<void> {
    savedAtMs = performance.now()
    const { rows, after, digest } = proof
    if (after === undefined) return
    await store.transaction(async (transaction) => {
      const failed = await setAside(transaction, job, unreadable)
      await advance(parts, transaction, job, {
        verified: rows,
        verifiedTo: { ...after, digestState: digest.state() },
        ...(failed !== undefined && { failed }),
      })
    })
  }

  /** Begins with the next chunk; answers whether there was one, and leave for it. */
  async function begin(): Promise<boolean> {
    const turn = await pacer.turn(signal)
    if (turn === undefined) return false
    const chunk = await store.cipherkeyChunks.next(job.tenantId, readTo, { limit: turn.rows })
    if (chunk === undefined || signal.aborted) return false
    await failpoint('migration.verify.before-chunk')
    const { records, rows, last } = chunk
    const identities = identitiesOf(records, rows)
    const unreadable = threads.findUnreadable(records, tenantKey)
    // It may fail while nobody waits for it yet; whoever waits is told all the same.
    unreadable.catch(() => undefined)
    checks.push({ unreadable, identities, rows, last, turn })
    readTo = last
    return true
  }

  for (;;) {
    while (checks.length >= pacer.depth()) await settleOldest()
    await stint.look()
    if (!stint.isOver && (await begin())) continue
    while (checks.length > 0 && !signal.aborted) await settleOldest()
    if (signal.aborted) return false
    if (!stint.isOver) return true
    await save([])
    return false
  }
}
