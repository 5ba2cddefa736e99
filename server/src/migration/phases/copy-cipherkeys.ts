// Copies cipherkeys, chunk by chunk in the order of the primary key, from any version to the one to which the key job
// brings them. The data key stays, the wrap changes; a row changes only while it is as it was read. A row that cannot
// be opened is set aside, named and counted, and holds up no other row; so are all rows of a version that its KMS
// refuses to open. Without the version to which the rows go, copying waits.
//
// Reading, rewrapping and writing overlap: while one chunk is written the next ones are in the threads, and one more
// is being read. Safety does not depend on that: each chunk is written by itself, with its own look at the fence.
import { KeyholdError, type TenantKey } from '@keyhold/core'
import { lookAtFence, type FenceBefore } from '../../keyring/look-at-fence.ts'
import type { Fence } from '../../store/fence/fence-row.ts'
import type { CipherkeyChunk } from '../../store/cipherkeys/cipherkey-chunks.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import type { TransactionStore } from '../../store/store.ts'
import { advance, destinationOf, LeadLost, requireLive, type LeaderParts } from '../engine/migration-parts.ts'
import { openVersions } from '../../keyring/open-versions.ts'
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
export async function copyCipherkeys(parts: LeaderParts, job: LedKeyJob): Promise<boolean> {
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
  job: LedKeyJob,
  after: CipherkeyPosition | undefined,
): Promise<ChunkAtWork | undefined> {
  const reading = readChunk(parts, job, after)
  // It may fail while nobody waits for it yet. A later waiter still receives the error.
  reading.catch(() => undefined)
  return reading
}

async function readChunk(
  parts: LeaderParts,
  job: LedKeyJob,
  after: CipherkeyPosition | undefined,
): Promise<ChunkAtWork | undefined> {
  const { store, threads, pacer, signal, failpoint } = parts
  const { version } = destinationOf(job)
  const turn = await pacer.turn(signal)
  if (turn === undefined) return undefined
  await failpoint('migration.copy.before-chunk')
  // It is compared with the fence that is held when the chunk is written.
  const fence = await store.tenants.glanceAtFence(job.tenantId)
  const chunk = await store.cipherkeyChunks.next(job.tenantId, after, {
    limit: turn.rows,
    notUnder: version,
  })
  if (chunk === undefined) return undefined
  const target = await getTenantKey(parts, job.tenantId, version)
  const opened = await openVersions(chunk.tenantKeyVersions, (each) =>
    findTenantKey(parts, job.tenantId, each),
  )
  const result = threads.rewrap({ records: chunk.records, ...opened, target })
  result.catch(() => undefined)
  return { chunk, epoch: fence?.epoch, target, result, turn }
}

/** Undefined: there is no such version, or it is destroyed. Throws the errors of the KMS, and `ERR_KEY_INTEGRITY`. */
export async function findTenantKey(
  { tenantKeys }: LeaderParts,
  tenantId: string,
  version: number,
): Promise<TenantKey | undefined> {
  return (await tenantKeys.get(tenantId, version))?.tenantKey
}

/** The version to which rows are brought: nothing goes on without it. */
export async function getTenantKey(
  parts: LeaderParts,
  tenantId: string,
  version: number,
): Promise<TenantKey> {
  const tenantKey = await findTenantKey(parts, tenantId, version)
  if (tenantKey === undefined) throw new KeyholdError('ERR_KEY_INTEGRITY')
  return tenantKey
}

async function writeChunk(parts: LeaderParts, job: LedKeyJob, atWork: ChunkAtWork): Promise<void> {
  const { store, failpoint } = parts
  const { chunk, target } = atWork
  const { records, unreadable } = await atWork.result
  await failpoint('migration.copy.before-update')
  await store.withFenceShared(job.tenantId, async (transaction, fence) => {
    await requireFence(transaction, job, fence, { epoch: atWork.epoch, tenantKey: target })
    const copiedMore = await transaction.cipherkeyChunks.rewrap(job.tenantId, target.version, records)
    const failedMore = await transaction.keyJobFailures.insert(job, unreadable)
    await advance(parts, transaction, job, {
      copiedTo: chunk.last,
      copiedMore,
      failedMore,
      now: 'copyStarted',
    })
    await failpoint('migration.copy.before-commit')
  })
  atWork.turn.done(chunk.rows)
  await failpoint('migration.copy.after-commit')
}

/** Cipherkeys under `tenantKey` may be committed; otherwise the transaction is undone. */
export async function requireFence(
  transaction: TransactionStore,
  job: LedKeyJob,
  fence: Fence | undefined,
  before: FenceBefore,
): Promise<void> {
  requireLive(job, fence)
  const look = await lookAtFence(transaction, job.tenantId, fence, before)
  if (look === 'moved') throw new LeadLost()
  if (look === 'other-key') throw new KeyholdError('ERR_KEY_INTEGRITY')
}
