// Verify: proof before the old version may go. No cipherkey is left under another version, and every one opens with
// the new tenant key, unwrapped afresh by a KMS that can't reach the source.
import {
  isKeyholdError,
  KeyholdError,
  unwrapDataKey,
  verifyKeyCheckValue,
  type Kms,
  type TenantKey,
} from '@keyhold/core'
import { mapInSlices } from '../keyring/map-in-slices.ts'
import { unwrapTenantKey } from '../keyring/tenant-key-cache.ts'
import type { CipherkeyPosition, CipherkeyRow } from '../store/cipherkeys.ts'
import type { KeyJobRow } from '../store/key-jobs.ts'
import { advance, targetVersionOf, type LeaderParts } from './migration-parts.ts'

const chunkRows = 1_000

export async function verify(parts: LeaderParts, job: KeyJobRow): Promise<void> {
  const { store, failpoint } = parts
  const targetVersion = targetVersionOf(job)
  await failpoint('migration.verify.before')

  const stale = await store.cipherkeys.countStale(job.tenantId, targetVersion)
  if (stale > 0) {
    // It waits here with the failures named; after the pause all rows that were set aside are tried once more.
    if (job.failed > 0 && job.lastError === undefined) throw openFailures(job.failed)
    await store.transaction(async (transaction) => {
      await transaction.keyJobs.clearFailures(job.id)
      await advance(parts, transaction, job, { phase: 'copy', copiedTo: null })
    })
    return
  }

  const row = await store.tenantKeys.find(job.tenantId, targetVersion)
  if (row?.wrapped === undefined) throw new KeyholdError('ERR_KEY_INTEGRITY')
  const target = await unwrapTenantKey(onlyKey(parts.kms, job.targetKeyArn), { ...row, wrapped: row.wrapped })
  const unreadable = await countUnreadable(parts, job, target)
  if (unreadable > 0) throw openFailures(unreadable)

  await store.transaction((transaction) => advance(parts, transaction, job, { phase: 'cutover' }))
  await failpoint('migration.verify.after-commit')
}

async function countUnreadable(parts: LeaderParts, job: KeyJobRow, target: TenantKey): Promise<number> {
  let unreadable = 0
  let after: CipherkeyPosition | undefined
  for (;;) {
    const rows = await parts.store.cipherkeys.listAfter(job.tenantId, after, { limit: chunkRows })
    const last = rows.at(-1)
    if (last === undefined) return unreadable
    const outcomes = await mapInSlices(rows, (row) => isReadable(row, target))
    unreadable += outcomes.filter((outcome) => !outcome).length
    after = { dataKeyId: last.dataKeyId, version: last.version }
  }
}

function isReadable(row: CipherkeyRow, target: TenantKey): boolean {
  try {
    const ref = { tenantId: row.tenantId, id: row.dataKeyId, version: row.version }
    verifyKeyCheckValue(unwrapDataKey(target, ref, row.wrapped), row.keyCheckValue)
    return row.tenantKeyVersion === target.version
  } catch (error) {
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY')) return false
    throw error
  }
}

/** A Kms that has access to one key alone. */
function onlyKey(kms: Kms, keyArn: string): Kms {
  const refuseOthers = (asked: string) => {
    if (asked !== keyArn)
      throw new KeyholdError('ERR_KMS_DENIED', { message: 'Verification may not use this key.' })
  }
  return {
    createTenantKey: () => Promise.reject(new KeyholdError('ERR_KMS_DENIED')),
    async unwrapTenantKey(asked, wrapped, ref, options) {
      refuseOthers(asked)
      return kms.unwrapTenantKey(asked, wrapped, ref, options)
    },
    inspectKey: () => Promise.reject(new KeyholdError('ERR_KMS_DENIED')),
  }
}

function openFailures(count: number): KeyholdError {
  return new KeyholdError('ERR_KEY_INTEGRITY', {
    message: `${count} cipherkeys can't be opened; the migration waits, and keeps the key version that they need.`,
  })
}
