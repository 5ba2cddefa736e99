// Copy: cipherkeys, chunk by chunk in the order of the primary key, from whatever version wraps them to the new one.
// Same data key, other wrap; a row changes only while it is as it was read. A row that can't be opened is set aside,
// named and counted, and holds up nothing.
import {
  isKeyholdError,
  KeyholdError,
  unwrapDataKey,
  verifyKeyCheckValue,
  wrapDataKey,
  type TenantKey,
} from '@keyhold/core'
import { mapInSlices } from '../keyring/map-in-slices.ts'
import type { CipherkeyRow, Rewrap } from '../store/cipherkeys.ts'
import type { KeyJobRow } from '../store/key-jobs.ts'
import { advance, LeadLost, targetVersionOf, type LeaderParts } from './migration-parts.ts'

const chunkRows = 1_000

/** Rewraps one chunk; `isLast` when no row is left after it. */
export async function copyChunk(parts: LeaderParts, job: KeyJobRow): Promise<void> {
  const { store, failpoint } = parts
  const targetVersion = targetVersionOf(job)
  await failpoint('migration.copy.before-chunk')
  const before = await store.tenants.findFence(job.tenantId)
  const rows = await store.cipherkeys.listAfter(job.tenantId, job.copiedTo, {
    limit: chunkRows,
    staleTo: targetVersion,
  })
  const last = rows.at(-1)
  if (last === undefined) {
    await store.transaction((transaction) =>
      advance(parts, transaction, job, { phase: 'verify', copiedTo: null }),
    )
    return
  }

  const target = await getTenantKey(parts, job.tenantId, targetVersion)
  const outcomes = await mapInSlices(rows, (row) => rewrapOne(parts, row, target))
  const rewraps = outcomes.flatMap((outcome) => ('newWrapped' in outcome ? [outcome] : []))
  const failures = outcomes.flatMap((outcome) => ('code' in outcome ? [outcome] : []))

  await store.transaction(async (transaction) => {
    const fence = await transaction.tenants.lockFenceShared(job.tenantId)
    if (
      fence === undefined ||
      fence.epoch !== before?.epoch ||
      fence.activeTenantKeyVersion !== targetVersion
    ) {
      throw new LeadLost()
    }
    // What was wrapped must open again: by the stored tenant key, not by one remembered from before a deletion.
    const stored = await transaction.tenantKeys.find(job.tenantId, targetVersion)
    if (stored?.id !== target.id) throw new KeyholdError('ERR_KEY_INTEGRITY')
    const copiedMore =
      rewraps.length === 0 ? 0 : await transaction.cipherkeys.rewrap(job.tenantId, targetVersion, rewraps)
    const failedMore = failures.length === 0 ? 0 : await transaction.keyJobs.insertFailures(job.id, failures)
    await advance(parts, transaction, job, {
      copiedTo: { dataKeyId: last.dataKeyId, version: last.version },
      copiedMore,
      failedMore,
    })
    await failpoint('migration.copy.before-commit')
  })
  await failpoint('migration.copy.after-commit')
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

async function rewrapOne(
  parts: LeaderParts,
  row: CipherkeyRow,
  target: TenantKey,
): Promise<Rewrap | { dataKeyId: string; version: number; code: string }> {
  const ref = { tenantId: row.tenantId, id: row.dataKeyId, version: row.version }
  // Outside the try: a tenant key that can't be had now concerns every row, and pauses the job.
  const source = await getTenantKey(parts, row.tenantId, row.tenantKeyVersion)
  try {
    const dataKey = unwrapDataKey(source, ref, row.wrapped)
    verifyKeyCheckValue(dataKey, row.keyCheckValue)
    const newWrapped = wrapDataKey(target, dataKey)
    // Before the old wrap goes, the new one has proved that it holds the same key.
    verifyKeyCheckValue(unwrapDataKey(target, ref, newWrapped), row.keyCheckValue)
    return {
      dataKeyId: row.dataKeyId,
      version: row.version,
      oldWrapped: row.wrapped,
      oldTenantKeyVersion: row.tenantKeyVersion,
      newWrapped,
    }
  } catch (error) {
    if (!isKeyholdError(error, 'ERR_KEY_INTEGRITY')) throw error
    return { dataKeyId: row.dataKeyId, version: row.version, code: error.code }
  }
}
