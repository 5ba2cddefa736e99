// Tries the cipherkeys that were set aside again. Those that open now, since they or the KEK of their version were
// repaired, are copied and leave the list. The others keep the latest reason.
import { parseCipherkeyRecords } from '../../store/cipherkeys/cipherkey-records.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import type { Store } from '../../store/store.ts'
import { advance, destinationOf, type LeaderParts } from '../engine/migration-parts.ts'
import { openVersions } from '../../keyring/open-versions.ts'
import { findTenantKey, getTenantKey, requireFence } from './copy-cipherkeys.ts'

/** Answers whether all were tried; false: the run should give up the lead. Then the next try begins anew. */
export async function retryFailures(parts: LeaderParts, job: LedKeyJob): Promise<boolean> {
  if (job.current().failed === 0) return true
  const { stint } = parts
  const progress = { repaired: 0 }
  stint.begin()
  for (const under of await findVersionsToTry(parts, job)) {
    if (!(await retryUnder(parts, job, under, progress))) return false
  }
  return true
}

/** Goes through the failures under one version. Answers as `retryFailures` does. */
async function retryUnder(
  parts: LeaderParts,
  job: LedKeyJob,
  under: number | undefined,
  progress: { repaired: number },
): Promise<boolean> {
  const { pacer, signal, stint } = parts
  let after: CipherkeyPosition | undefined
  for (;;) {
    const turn = await pacer.turn(signal)
    if (turn === undefined) return false
    const tried = await retryNext(parts, job, { limit: turn.rows, under, after })
    if (tried === undefined) return true
    turn.done(tried.rows)
    progress.repaired += tried.repaired
    after = tried.last
    await stint.look()
    // Whoever gives way without having repaired any would come no further the next time.
    if (stint.isOver && progress.repaired > 0) return false
  }
}

/** Asks once for each version, however many cipherkeys it wraps, and answers those that open, and what has no version. */
async function findVersionsToTry(parts: LeaderParts, job: LedKeyJob): Promise<(number | undefined)[]> {
  const { store } = parts
  const versions = await store.keyJobFailures.listVersions(job.id)
  const known = versions.filter((version) => version !== undefined)
  const { refused } = await openVersions(known, (each) => findTenantKey(parts, job.tenantId, each))
  for (const { version, code } of refused) await changeReason(store, job.id, version, code)
  const dead = new Set<number | undefined>(refused.map(({ version }) => version))
  return versions.filter((version) => !dead.has(version))
}

/** Says anew why failures under a version that does not open do not: in pages, each in a transaction of its own. */
export async function changeReason(
  store: Store,
  keyJobId: string,
  tenantKeyVersion: number,
  code: string,
): Promise<void> {
  const hasOthers = (await store.keyJobFailures.countOpen(keyJobId)).some(
    (each) => each.tenantKeyVersion === tenantKeyVersion && each.code !== code,
  )
  if (!hasOthers) return
  let after: CipherkeyPosition | undefined
  do {
    const from = after
    after = await store.transaction((transaction) =>
      transaction.keyJobFailures.changeCodesUnder(keyJobId, tenantKeyVersion, code, from),
    )
  } while (after !== undefined)
}

/** Undefined: there was none. */
async function retryNext(
  parts: LeaderParts,
  job: LedKeyJob,
  { after, ...options }: { after: CipherkeyPosition | undefined; limit: number; under: number | undefined },
): Promise<{ rows: number; repaired: number; last: CipherkeyPosition } | undefined> {
  const { store, threads } = parts
  const { version } = destinationOf(job)
  const before = await store.tenants.glanceAtFence(job.tenantId)
  const chunk = await store.cipherkeyChunks.nextFailed(job.tenantId, job.id, after, options)
  if (chunk === undefined) return undefined
  const target = await getTenantKey(parts, job.tenantId, version)
  const opened = await openVersions(chunk.tenantKeyVersions, (each) =>
    findTenantKey(parts, job.tenantId, each),
  )
  const { records, unreadable } = await threads.rewrap({ records: chunk.records, ...opened, target })
  await store.transaction((transaction) => transaction.keyJobFailures.changeCodes(job.id, unreadable))
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
