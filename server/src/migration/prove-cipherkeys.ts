// Proof before a version may go: no cipherkey is left under another one, and every one opens with the tenant key that
// the key job brought them under, unwrapped afresh by a KMS that has access to that key alone.
import { KeyholdError, type Kms, type TenantKey } from '@keyhold/core'
import { createHash } from 'node:crypto'
import { unwrapTenantKey } from '../keyring/tenant-key-cache.ts'
import { identitiesOf } from '../store/cipherkey-records.ts'
import type { CipherkeyPosition } from '../store/cipherkeys.ts'
import type { KeyJobRow } from '../store/key-jobs.ts'
import { setAside } from './copy-cipherkeys.ts'
import { advance, destinationOf, type LeaderParts } from './migration-parts.ts'
import type { Turn } from './pacer.ts'
import type { UnreadableCipherkey } from './rewrap-records.ts'
import { retryFailures } from './retry-failures.ts'

/** What was found, for the report. */
export interface Verification {
  /** RFC 3339. */
  verifiedAt: string
  tenantKeyVersion: number
  /** Cipherkeys that were opened. */
  cipherkeys: number
  /** Cipherkeys that an operator accepted as unreadable. */
  acceptedFailures: number
  /**
   * Lower-case hex: SHA-256 over all cipherkeys in the order of data key id and version, each as 16 bytes id, u32
   * big-endian version, 32 bytes key check value. It names the data keys whatever wraps them, and is therefore the same
   * before and after a migration in which none was made.
   */
  digest: string
}

const progressMs = 1_000

/**
 * Answers what was found; `stale`: cipherkeys are left that must be copied first; `interrupted`: the lead is to be
 * given up.
 *
 * @throws KeyholdError `ERR_MIGRATION_FAILURES_OPEN` while cipherkeys that don't open are neither repaired nor accepted
 */
export async function proveCipherkeys(
  parts: LeaderParts,
  job: KeyJobRow,
): Promise<Verification | 'stale' | 'interrupted'> {
  const { store, kms, failpoint } = parts
  const { version, keyArn } = destinationOf(job)
  await failpoint('migration.verify.before')
  await retryFailures(parts, job)
  if (await store.keyJobFailures.existsStale(job.tenantId, job.id, version, { acceptedOnly: false })) {
    return 'stale'
  }
  await refuseOpenFailures(parts, job)

  const row = await store.tenantKeys.find(job.tenantId, version)
  if (row?.wrapped === undefined) throw new KeyholdError('ERR_KEY_INTEGRITY')
  await failpoint('migration.verify.before-kms')
  const tenantKey = await unwrapTenantKey(onlyKey(kms, keyArn), { ...row, wrapped: row.wrapped })
  const found = await openAll(parts, job, tenantKey)
  if (found === undefined) return 'interrupted'
  await refuseOpenFailures(parts, job)
  const { accepted } = await store.keyJobFailures.count(job.id)
  return {
    verifiedAt: new Date().toISOString(),
    tenantKeyVersion: version,
    cipherkeys: found.rows - accepted,
    acceptedFailures: accepted,
    digest: found.digest,
  }
}

async function refuseOpenFailures({ store }: LeaderParts, job: KeyJobRow): Promise<void> {
  const { open } = await store.keyJobFailures.count(job.id)
  if (open === 0) return
  throw new KeyholdError('ERR_MIGRATION_FAILURES_OPEN', {
    message: `${open} cipherkeys do not open. The migration waits, and keeps the tenant key version that they need: repair them and retry, or accept them by name.`,
  })
}

interface CheckAtWork {
  unreadable: Promise<UnreadableCipherkey[]>
  turn: Turn
  rows: number
}

/** Opens every cipherkey and sets aside those that don't open; undefined: it is to give up the lead. */
async function openAll(
  parts: LeaderParts,
  job: KeyJobRow,
  tenantKey: TenantKey,
): Promise<{ rows: number; digest: string } | undefined> {
  const { store, threads, pacer, signal, failpoint } = parts
  const digest = createHash('sha256')
  const checks: CheckAtWork[] = []
  let rows = 0
  let savedAtMs = performance.now()
  let after: CipherkeyPosition | undefined

  async function settleOldest(): Promise<void> {
    const oldest = checks.shift()
    if (oldest === undefined) return
    const unreadable = await oldest.unreadable
    oldest.turn.done(oldest.rows)
    if (unreadable.length === 0 && performance.now() - savedAtMs < progressMs) return
    savedAtMs = performance.now()
    await store.transaction(async (transaction) => {
      const failed = await setAside(transaction, job, unreadable)
      await advance(parts, transaction, job, { verified: rows, ...(failed !== undefined && { failed }) })
    })
  }

  for (;;) {
    while (checks.length >= pacer.depth()) await settleOldest()
    const turn = await pacer.turn(signal)
    if (turn === undefined) return undefined
    const chunk = await store.cipherkeyChunks.next(job.tenantId, after, { limit: turn.rows })
    while (chunk === undefined && checks.length > 0) await settleOldest()
    if (signal.aborted) return undefined
    if (chunk === undefined) return { rows, digest: digest.digest('hex') }
    await failpoint('migration.verify.before-chunk')
    const unreadable = threads.findUnreadable(chunk.records, tenantKey)
    // It may fail while nobody waits for it yet; whoever waits is told all the same.
    unreadable.catch(() => undefined)
    checks.push({ unreadable, turn, rows: chunk.rows })
    for (const part of identitiesOf(chunk.records)) digest.update(part)
    rows += chunk.rows
    after = chunk.last
  }
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
