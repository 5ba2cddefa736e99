// Every cipherkey of a tenant, opened chunk by chunk in the order of the primary key. How far that has come is stored
// with what was found, so that a verification which is interrupted, by a crash or for the sake of others, need not begin
// again.
import type { TenantKey } from '@keyhold/core'
import { identitiesOf } from '../../store/cipherkeys/cipherkey-records.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { advance, type LeaderParts } from '../engine/migration-parts.ts'
import type { Turn } from '../engine/pacer.ts'
import { positionOf, type OngoingVerification } from './ongoing-verification.ts'
import type { UnreadableCipherkey } from '../engine/rewrap-records.ts'

const saveMs = 1_000

interface CheckAtWork {
  unreadable: Promise<UnreadableCipherkey[]>
  identities: Buffer
  rows: number
  last: CipherkeyPosition
  turn: Turn
}

/**
 * Opens the cipherkeys that the verification does not have yet and sets aside those that don't open; answers whether that
 * reached the end. Otherwise the lead is to be given up.
 */
export async function openAll(
  parts: LeaderParts,
  job: LedKeyJob,
  ongoing: OngoingVerification,
  tenantKey: TenantKey,
): Promise<boolean> {
  const { store, threads, pacer, signal, stint, failpoint } = parts
  const checks: CheckAtWork[] = []
  let savedAtMs = performance.now()
  let readTo = ongoing.after

  async function settleOldest(): Promise<void> {
    const oldest = checks.shift()
    if (oldest === undefined) return
    const unreadable = await oldest.unreadable
    oldest.turn.done(oldest.rows)
    ongoing.rows += oldest.rows
    ongoing.after = oldest.last
    ongoing.digest.add(oldest.identities)
    if (unreadable.length === 0 && performance.now() - savedAtMs < saveMs) return
    await save(unreadable)
  }

  async function save(unreadable: UnreadableCipherkey[]): Promise<void> {
    savedAtMs = performance.now()
    await store.transaction(async (transaction) => {
      const failedMore = await transaction.keyJobFailures.insert(job, unreadable)
      await advance(parts, transaction, job, {
        verified: ongoing.rows,
        verifiedTo: positionOf(ongoing, job, transaction.clock.now()),
        failedMore,
      })
    })
  }

  async function begin(): Promise<'begun' | 'at-end' | 'no-leave'> {
    if (isAtEnd(readTo, ongoing.end)) return 'at-end'
    const turn = await pacer.turn(signal)
    if (turn === undefined) return 'no-leave'
    const chunk = await store.cipherkeyChunks.next(job.tenantId, readTo, { limit: turn.rows })
    if (chunk === undefined) return 'at-end'
    await failpoint('migration.verify.before-chunk')
    const { records, rows, last } = chunk
    const identities = identitiesOf(records, rows)
    const unreadable = threads.findUnreadable(records, tenantKey)
    // It may fail while nobody waits for it yet. A later waiter still receives the error.
    unreadable.catch(() => undefined)
    checks.push({ unreadable, identities, rows, last, turn })
    readTo = last
    return 'begun'
  }

  stint.begin()
  for (;;) {
    while (checks.length >= pacer.depth()) await settleOldest()
    await stint.look()
    const outcome = stint.isOver ? 'no-leave' : await begin()
    if (signal.aborted) return false
    if (outcome === 'begun') continue
    while (checks.length > 0) await settleOldest()
    if (outcome === 'at-end') return true
    await save([])
    return false
  }
}

// Ids are written in one form, which sorts as PostgreSQL sorts their bytes.
function isAtEnd(at: CipherkeyPosition | undefined, end: CipherkeyPosition | undefined): boolean {
  if (at === undefined || end === undefined) return end === undefined
  return at.dataKeyId > end.dataKeyId || (at.dataKeyId === end.dataKeyId && at.version >= end.version)
}
