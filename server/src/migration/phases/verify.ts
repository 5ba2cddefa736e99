// Verify sends rows that the copying left behind back to it, waits for rows that do not open, and then stores the
// result.
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { advance, type LeaderParts } from '../engine/migration-parts.ts'
import { verifyCipherkeys } from './verify-cipherkeys.ts'

export async function verify(parts: LeaderParts, job: LedKeyJob): Promise<void> {
  const found = await verifyCipherkeys(parts, job)
  if (found === 'unfinished') return
  await parts.store.transaction(async (transaction) => {
    await advance(
      parts,
      transaction,
      job,
      found === 'stale'
        ? { phase: 'copy', copiedTo: null }
        : { phase: 'cutover', verified: found.verification.cipherkeys, ...found },
    )
    await parts.failpoint('migration.verify.before-commit')
  })
  await parts.failpoint('migration.verify.after-commit')
}
