// Verifies before a version may end: no cipherkey is left under another one, and every one opens with the tenant key
// that the key job brought them under. That key is unwrapped afresh by a KMS that has access to it alone.
import { KeyholdError, type Kms } from '@keyhold/core'
import { openTenantKey } from '../../keyring/open-tenant-key.ts'
import type { Verification } from '../../store/key-jobs/key-job-json.ts'
import type { OpenFailures } from '../../store/key-jobs/key-job-failures.ts'
import type { LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import { advance, destinationOf, type LeaderParts } from '../engine/migration-parts.ts'
import { openAll } from './open-cipherkeys.ts'
import { readFailures } from './read-failures.ts'
import { beginVerification, resumeVerification } from './ongoing-verification.ts'
import { retryFailures } from './retry-failures.ts'

/** A verification that came to its end. */
export interface Verified {
  verification: Verification
  /** Of what was set aside and accepted. The key job ends only with the same. */
  failuresDigest: Buffer
}

/**
 * Answers the result; `stale`: cipherkeys are left that must be copied first; `unfinished`: it must be called again
 * by the run that leads then, and goes on where it ended.
 *
 * @throws KeyholdError `ERR_MIGRATION_FAILURES_OPEN` while cipherkeys that don't open are neither repaired nor accepted
 */
export async function verifyCipherkeys(
  parts: LeaderParts,
  job: LedKeyJob,
): Promise<Verified | 'stale' | 'unfinished'> {
  const { store, kms, failpoint } = parts
  const { version, keyArn } = destinationOf(job)
  await failpoint('migration.verify.before')
  const resumed = await resumeVerification(parts, job)
  if (resumed === undefined) {
    if (!(await retryFailures(parts, job))) return 'unfinished'
    const { isStale } = await store.surveys.findStale(job.tenantId, job.id, version, 'set-aside')
    if (isStale) return 'stale'
    refuseOpenFailures(await store.keyJobFailures.countOpen(job.id))
  }

  await failpoint('migration.verify.before-kms')
  const tenantKey = await openTenantKey({ store, kms: onlyKey(kms, keyArn) }, job.tenantId, version)
  const ongoing = resumed ?? (await beginVerification(parts, job))
  if (!(await openAll(parts, job, ongoing, tenantKey))) return 'unfinished'
  const { open, accepted, digest: failuresDigest } = await readFailures(parts, job)
  if (open > 0) {
    // Every row that does not open is known now. The next verification opens everything afresh.
    await store.transaction((transaction) => advance(parts, transaction, job, { verifiedTo: null }))
    return 'unfinished'
  }
  const verification = {
    verifiedAt: store.clock.now().toISOString(),
    tenantKeyVersion: version,
    cipherkeys: ongoing.rows - accepted,
    acceptedFailures: accepted,
    digest: ongoing.digest.end(),
  }
  return { verification, failuresDigest }
}

const maxGroupsTold = 5

function refuseOpenFailures(groups: readonly OpenFailures[]): void {
  if (groups.length === 0) return
  const open = groups.reduce((sum, { count }) => sum + count, 0)
  const told = groups.slice(0, maxGroupsTold).map(groupText)
  const others = groups.length > maxGroupsTold ? ', and others' : ''
  throw new KeyholdError('ERR_MIGRATION_FAILURES_OPEN', {
    message: `${open} cipherkeys do not open (${told.join(', ')}${others}). The migration waits, and keeps the tenant key versions that they need: repair them or the key of their version and retry, or accept them by name.`,
  })
}

function groupText({ count, tenantKeyVersion, code }: OpenFailures): string {
  const under = tenantKeyVersion === undefined ? '' : ` under tenant key version ${tenantKeyVersion}`
  return `${count}${under}: ${code}`
}

/** A Kms that has access to one key alone. */
function onlyKey(kms: Kms, keyArn: string): Kms {
  const refuse = () =>
    Promise.reject(new KeyholdError('ERR_KMS_DENIED', { message: 'Verification may not use this key.' }))
  return {
    ...kms,
    createTenantKey: refuse,
    inspectKey: refuse,
    unwrapTenantKey: (asked, wrapped, ref, options) =>
      asked === keyArn ? kms.unwrapTenantKey(asked, wrapped, ref, options) : refuse(),
  }
}
