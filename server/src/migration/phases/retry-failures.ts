// Tries the cipherkeys that were set aside again. Those that open now, since they or the KEK of their version were
// repaired, are copied and leave the list. The others keep the latest reason.
import { parseCipherkeyRecords } from '../../store/cipherkeys/cipherkey-records.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import { advance, destinationOf, type LeaderParts } from '../engine/migration-parts.ts'
import { openVersions } from '../../keyring/open-versions.ts'
import { findTenantKey, getTenantKey, requireFence } from './copy-cipherkeys.ts'

/** Answers whether all were tried; false: the run should give up the lead. Then the next try begins anew. */
export async function retryFailures(parts: LeaderParts, job: KeyJobRow): Promise<boolean> {
  if (job.failed === 0) return true
  const { pacer, signal, stint } = parts
  const refused = await findRefused(parts, job)
  let repaired = 0
  let after: CipherkeyPosition | undefined
  stint.begin()
  for (;;) {
    const turn = await pacer.turn(signal)
    if (turn === undefined) return false
    const tried = await retryNext(parts, job, { limit: turn.rows, notUnder: refused, after })
    if (tried === undefined) return true
    turn.done(tried.rows)
    repaired += tried.repaired
    after = tried.last
    await stint.look()
    // Whoever gives way without having repaired any would come no further the next time.
    if (stint.isOver && repaired > 0) return false
  }
}

/** Asks once for each version, however many cipherkeys it wraps, and answers those that still do not open. */
async function findRefused(parts: LeaderParts, job: KeyJobRow): Promise<number[]> {
  const { keyJobFailures } = parts.store
  const versions = await keyJobFailures.listVersions(job.id)
  const { refused } = await openVersions(versions, (each) => findTenantKey(parts, job.tenantId, each))
  for (const { version, code } of refused) await keyJobFailures.changeCodesUnder(job.id, version, code)
  return refused.map(({ version }) => version)
}

/** Undefined: there was none. */
async function retryNext(
  parts: LeaderParts,
  job: KeyJobRow,
  { after, ...options }: { after: CipherkeyPosition | undefined; limit: number; notUnder: readonly number[] },
): Promise<{ rows: number; repaired: number; last: CipherkeyPosition } | undefined> {
  const { store, threads } = parts
  const { version } = destinationOf(job)
  const before = await store.tenants.findFence(job.tenantId)
  const chunk = await store.cipherkeyChunks.nextFailed(job.tenantId, job.id, after, options)
  if (chunk === undefined) return undefined
  const target = await getTenantKey(parts, job.tenantId, version)
  const opened = await openVersions(chunk.tenantKeyVersions, (each) =>
    findTenantKey(parts, job.tenantId, each),
  )
  const { records, unreadable } = await threads.rewrap({ records: chunk.records, ...opened, target })
  await store.keyJobFailures.changeCodes(job.id, unreadable)
  const stillFailed = new Set(unreadable.map(nameOf))
  const repaired = parseCipherkeyRecords(chunk.records).filter((row) => !stillFailed.has(nameOf(row)))
  if (repaired.length > 0) {
    await store.withFenceShared(job.tenantId, async (transaction, fence) => {
      await requireFence(transaction, job, fence, { epoch: before?.epoch, tenantKey: target })
      const copiedMore = await transaction.cipherkeyChunks.rewrap(job.tenantId, version, records)
      const forgotten = await transaction.keyJobFailures.delete(job.id, repaired)
      await advance(parts, transaction, job, { copiedMore, failedMore: -forgotten })
    })
  }
  return { rows: chunk.rows, repaired: repaired.length, last: chunk.last }
}

function nameOf({ dataKeyId, version }: CipherkeyPosition): string {
  return `${dataKeyId}/${version}`
}
