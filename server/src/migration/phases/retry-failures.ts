// Tries the cipherkeys that were set aside again. Those that were repaired meanwhile are copied and leave the list.
import { isKeyholdError, type TenantKey } from '@keyhold/core'
import { parseCipherkeyRecords } from '../../store/cipherkeys/cipherkey-records.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import { requireFence } from './copy-cipherkeys.ts'
import { advance, destinationOf, LeadLost, type LeaderParts } from '../engine/migration-parts.ts'

const chunkRows = 500

export async function retryFailures(parts: LeaderParts, job: KeyJobRow): Promise<void> {
  if (job.failed === 0) return
  let after: CipherkeyPosition | undefined
  for (;;) {
    const chunk = await parts.store.cipherkeyChunks.nextFailed(job.tenantId, job.id, after, chunkRows)
    if (chunk === undefined) return
    const { version } = destinationOf(job)
    const before = await parts.store.tenants.findFence(job.tenantId)
    const target = await findTenantKey(parts, job.tenantId, version)
    if (target === undefined) throw new LeadLost()
    const sources = await Promise.all(
      chunk.tenantKeyVersions.map((each) => findTenantKey(parts, job.tenantId, each)),
    )
    const present = sources.filter((source) => source !== undefined)
    // A row whose tenant key is gone for good stays set aside, and the others of its chunk wait with it.
    if (present.length === sources.length) {
      const { records, unreadable } = await parts.threads.rewrap({
        records: chunk.records,
        sources: present,
        target,
      })
      const stillFailed = new Set(unreadable.map(nameOf))
      const repaired = parseCipherkeyRecords(chunk.records).filter((row) => !stillFailed.has(nameOf(row)))
      if (repaired.length > 0) {
        await parts.store.withFenceShared(job.tenantId, async (transaction, fence) => {
          await requireFence(transaction, job, fence, { epoch: before?.epoch, tenantKey: target })
          const copiedMore = await transaction.cipherkeyChunks.rewrap(job.tenantId, version, records)
          await transaction.keyJobFailures.delete(job.id, repaired)
          const { open, accepted } = await transaction.keyJobFailures.count(job.id)
          await advance(parts, transaction, job, { copiedMore, failed: open + accepted })
        })
      }
    }
    after = chunk.last
  }
}

function nameOf({ dataKeyId, version }: CipherkeyPosition): string {
  return `${dataKeyId}/${version}`
}

/** Undefined for a version that is gone or that was damaged itself. */
async function findTenantKey(
  { tenantKeys }: LeaderParts,
  tenantId: string,
  version: number,
): Promise<TenantKey | undefined> {
  try {
    return (await tenantKeys.get(tenantId, version))?.tenantKey
  } catch (error) {
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY')) return undefined
    throw error
  }
}
