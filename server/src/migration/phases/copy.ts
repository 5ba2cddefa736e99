// Copy: from dual on no cipherkey comes under the old version any more; this brings the others over.
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { copyCipherkeys } from './copy-cipherkeys.ts'
import { advance, type LeaderParts } from '../engine/migration-parts.ts'

export async function copy(parts: LeaderParts, job: LedKeyJob): Promise<void> {
  if (!(await copyCipherkeys(parts, job))) return
  await parts.store.transaction(async (transaction) => {
    await advance(parts, transaction, job, { phase: 'verify', copiedTo: null, now: 'copyEnded' })
    await parts.failpoint('migration.copy.before-end')
  })
}
