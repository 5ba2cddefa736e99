// Copies cipherkeys, chunk by chunk in the order of the primary key, from any version to the one to which the key job
// brings them. The data key stays, the wrap changes; a row changes only while it is as it was read. A row that cannot
// be opened is set aside, named and counted, and holds up no other row.
//
// Reading, rewrapping and writing overlap: while one chunk is written the next ones are in the threads, and one more
// is being read. Safety does not depend on that: each chunk is written by itself, with its own look at the fence.
import { KeyholdError, type TenantKey } from '@keyhold/core'
import { lookAtFence, type FenceBefore } from '../../keyring/look-at-fence.ts'
import type { Fence } from '../../store/fence/fence-queries.ts'
import type { CipherkeyChunk } from '../../store/cipherkeys/cipherkey-chunks.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import type { TransactionStore } from '../../store/store.ts'
import { advance, destinationOf, LeadLost, type LeaderParts } from '../engine/migration-parts.ts'
import type { Turn } from '../engine/pacer.ts'
import type { RewrapResult } from '../engine/rewrap-records.ts'

interface ChunkAtWork {
  chunk: CipherkeyChunk
  /** The tenant's epoch before the chunk was read. */
  epoch: number | undefined
  target: TenantKey
  result: Promise<RewrapResult>
  turn: Turn
}

/** Answers whether the end was reached; false: the run should give up the lead. */
export async function copyCipherkeys(parts: LeaderParts, job: KeyJobRow): Promise<boolean> {
  const { pacer, signal, stint } = parts
  stint.begin()
  const atWork: ChunkAtWork[] = []
  let copiedTo = job.copiedTo
  let reading: Promise<ChunkAtWork | undefined> | undefined
  let isRead = false
  for (;;) {
    while (!isRead && atWork.length < pacer.depth()) {
      // A run that gives way still writes the chunks that are being read, and reads no more.
      if (stint.isOver && reading === undefined) break
      reading ??= readAhead(parts, job, copiedTo)
      const next = await reading
      reading = undefined
      if (next === undefined) isRead = true
      else {
        atWork.push(next)
        copiedTo = next.chunk.last
        // A turn that is taken while a chunk is still at work would hide the time of that chunk.
        if (pacer.depth() > 1 && !stint.isOver) reading = readAhead(parts, job, copiedTo)
      }
    }
    const first = atWork.shift()
    if (signal.aborted) return false
    if (first === undefined) return isRead
    await writeChunk(parts, job, first)
    await stint.look()
  }
}

function readAhead(
  parts: LeaderParts,
  job: KeyJobRow,
  after: CipherkeyPosition | undefined,
): Promise<ChunkAtWork | undefined> {
  const reading = readChunk(parts, job, after)
  // It may fail while nobody waits for it yet. A later waiter still receives the error.
  reading.catch(() => undefined)
  return reading
}

async function readChunk(
  parts: LeaderParts,
  job: KeyJobRow,
  after: CipherkeyPosition | undefined,
): Promise<ChunkAtWork | undefined> {
  const { store, threads, pacer, signal, failpoint } = parts
  const { version } = destinationOf(job)
  const turn = await pacer.turn(signal)
  if (turn === undefined) return undefined
  await failpoint('migration.copy.before-chunk')
  const fence = await store.tenants.findFence(job.tenantId)
  const chunk = await store.cipherkeyChunks.next(job.tenantId, after, {
    limit: turn.rows,
    notUnder: version,
  })
  if (chunk === undefined) return undefined
  const target = await getTenantKey(parts, job.tenantId, version)
  const sources = await Promise.all(
    chunk.tenantKeyVersions.map((each) => getTenantKey(parts, job.tenantId, each)),
  )
  const result = threads.rewrap({ records: chunk.records, sources, target })
  result.catch(() => undefined)
  return { chunk, epoch: fence?.epoch, target, result, turn }
}

async function getTenantKey(
  { tenantKeys }: LeaderParts,
  tenantId: string,
  version: number,
): Promise<TenantKey> {
  const held = await tenantKeys.get(tenantId, version)
  if (held === undefined) throw new KeyholdError('ERR_KEY_INTEGRITY')
  return held.tenantKey
}

async function writeChunk(parts: LeaderParts, job: KeyJobRow, atWork: ChunkAtWork): Promise<void> {
  const { store, failpoint } = parts
  const { chunk, target } = atWork
  const { records, unreadable } = await atWork.result
  await failpoint('migration.copy.before-update')
  await store.withFenceShared(job.tenantId, async (transaction, fence) => {
    await requireFence(transaction, job, fence, { epoch: atWork.epoch, tenantKey: target })
    const copiedMore = await transaction.cipherkeyChunks.rewrap(job.tenantId, target.version, records)
    const failed = await setAside(transaction, job, unreadable)
    await advance(parts, transaction, job, {
      copiedTo: chunk.last,
      copiedMore,
      copyStartedAt: new Date(),
      ...(failed !== undefined && { failed }),
    })
    await failpoint('migration.copy.before-commit')
  })
  atWork.turn.done(chunk.rows)
  await failpoint('migration.copy.after-commit')
}

/** Cipherkeys under `tenantKey` may be committed; otherwise the transaction is undone. */
export async function requireFence(
  transaction: TransactionStore,
  { tenantId }: KeyJobRow,
  fence: Fence | undefined,
  before: FenceBefore,
): Promise<void> {
  const look = await lookAtFence(transaction, tenantId, fence, before)
  if (look === 'moved') throw new LeadLost()
  if (look === 'other-key') throw new KeyholdError('ERR_KEY_INTEGRITY')
}

type Failures = Pick<LeaderParts['store'], 'keyJobFailures'>

/** Answers how many are set aside now; undefined: as many as before. */
export async function setAside(
  { keyJobFailures }: Failures,
  job: KeyJobRow,
  unreadable: RewrapResult['unreadable'],
): Promise<number | undefined> {
  if (unreadable.length === 0) return undefined
  await keyJobFailures.insert(
    job.id,
    unreadable.map((each) => ({ ...each, code: 'ERR_KEY_INTEGRITY' })),
  )
  const { open, accepted } = await keyJobFailures.count(job.id)
  return open + accepted
}
