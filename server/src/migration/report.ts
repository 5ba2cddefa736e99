// The report of a key job says what was done and what was found. The installation signs it when the job ends, in the
// transaction that ends it. Anybody with the public key can verify it without Keyhold.
import { KeyholdError } from '@keyhold/core'
import { createHash } from 'node:crypto'
import { valueOf } from '../store/json-column.ts'
import type { OpenRecord } from '../store/authentic/open-record.ts'
import type { LedKeyJob } from '../store/key-jobs/key-jobs.ts'
import type { Store, TransactionStore } from '../store/store.ts'
import type { MigrationParts } from './engine/migration-parts.ts'
import { getKeyJob } from './migration-details.ts'

const type = 'keyhold/migration-report/1'

/** More accepted failures than this are counted, not named. */
const maxNamedFailures = 1_000

/**
 * Call it after the job's end is written and before it is committed. The caller holds the tenant's fence, which keeps out
 * all who change what is read here: so the reads agree. Answers the details for the audit record:
 * the SHA-256 of the JWS, in hex.
 */
export async function saveReport(
  { holdSigner }: MigrationParts,
  transaction: TransactionStore,
  led: LedKeyJob,
): Promise<{ reportSha256: string }> {
  // As the leader knows it, not as the row shows it.
  const job = led.current()
  const { id, tenantId } = job
  const failures = await transaction.keyJobFailures.list(tenantId, id, maxNamedFailures)
  const isWhole = failures.length === Math.min(job.failed, maxNamedFailures)
  if (!isWhole || failures.some(({ isTampered }) => isTampered)) {
    transaction.macs.reject('keyJobProgress', job, 'incomplete')
  }
  const tenantKeys = await transaction.tenantKeys.list(tenantId)
  const signReport = await holdSigner(transaction)
  const jws = signReport({
    type,
    id,
    kind: job.kind,
    outcome: job.phase,
    tenantId,
    source: {
      fingerprint: job.sourceFingerprint,
      keyArn: job.sourceKeyArn,
      tenantKeyVersion: job.sourceVersion,
    },
    target: {
      fingerprint: job.targetFingerprint,
      keyArn: job.targetKeyArn,
      tenantKeyVersion: job.targetVersion ?? null,
    },
    initiatedAt: job.createdAt.toISOString(),
    copyStartedAt: job.copyStartedAt?.toISOString() ?? null,
    copyEndedAt: job.copyEndedAt?.toISOString() ?? null,
    completedAt: job.completedAt?.toISOString() ?? null,
    cipherkeys: { total: job.total, copied: job.copied, failed: job.failed },
    verification: valueOf(job.verification) ?? null,
    acceptedFailures: failures.map((failure) => ({
      dataKeyId: failure.dataKeyId,
      version: failure.version,
      keyName: failure.keyName ?? null,
      tenantKeyVersion: failure.tenantKeyVersion ?? null,
      code: failure.code,
      acceptedAt: failure.acceptedAt?.toISOString() ?? null,
      acceptedBy: failure.acceptedBy ?? null,
    })),
    tenantKeys: tenantKeys.map(({ version, state, keyArn, destroyAfter }) => ({
      version,
      state,
      keyArn,
      destroyAfter: destroyAfter?.toISOString() ?? null,
    })),
  })
  await transaction.keyJobReports.insert(id, jws)
  return { reportSha256: createHash('sha256').update(jws).digest('hex') }
}

export interface KeptReport {
  /** The signed report, byte for byte. */
  jws: string
  report: Record<string, unknown>
}

/**
 * The report of a key job of the tenant.
 *
 * @throws KeyholdError `ERR_MIGRATION_NOT_FOUND`, `ERR_MIGRATION_REPORT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
 */
export async function getReport(
  { readSnapshot }: Pick<Store, 'readSnapshot'>,
  openRecord: OpenRecord,
  tenantId: string,
  keyJobId: string,
): Promise<KeptReport> {
  const { id, jws } = await readSnapshot(async ({ keyJobs, keyJobReports }) => {
    const job = await getKeyJob({ keyJobs }, tenantId, keyJobId)
    return { id: job.id, jws: await keyJobReports.find(tenantId, job.id) }
  })
  if (jws === undefined) throw new KeyholdError('ERR_MIGRATION_REPORT_NOT_FOUND')
  const report = await openRecord(
    jws,
    (payload) => payload.type === type && payload.id === id && payload.tenantId === tenantId,
  )
  return { jws, report }
}
