// All queries, made from one handle: the pool, or a transaction. A query cannot slip out of its transaction, since the
// handle is no argument.
import { apiKeyQueries } from './api-keys.ts'
import { appendAudits, auditQueries, type AuditEntry } from './audits.ts'
import { cipherkeyChunkQueries } from './cipherkeys/cipherkey-chunks.ts'
import { cipherkeyEndQueries } from './cipherkeys/cipherkey-ends.ts'
import { cipherkeyQueries } from './cipherkeys/cipherkeys.ts'
import { dataKeyQueries } from './cipherkeys/data-keys.ts'
import type { Database } from './database.ts'
import { destructionQueries } from './destructions.ts'
import { drDrillQueries } from './dr-drills.ts'
import { installationQueries } from './installation.ts'
import { keyHealthQueries } from './key-health.ts'
import { keyJobFailureQueries } from './key-jobs/key-job-failures.ts'
import { keyJobReportQueries } from './key-jobs/key-job-reports.ts'
import { keyJobQueries } from './key-jobs/key-jobs.ts'
import { keyProviderQueries } from './key-providers.ts'
import { kmsUsageQueries } from './kms-usage.ts'
import { metricCountQueries } from './metric-counts.ts'
import { tenantKeyQueries } from './tenant-keys.ts'
import { tenantLockQueries } from './tenant-locks.ts'
import { tenantQueries } from './tenants.ts'

function queries(db: Database) {
  return {
    installation: installationQueries(db),
    tenants: tenantQueries(db),
    keyProviders: keyProviderQueries(db),
    tenantKeys: tenantKeyQueries(db),
    cipherkeys: cipherkeyQueries(db),
    cipherkeyChunks: cipherkeyChunkQueries(db),
    cipherkeyEnds: cipherkeyEndQueries(db),
    dataKeys: dataKeyQueries(db),
    keyJobs: keyJobQueries(db),
    keyJobFailures: keyJobFailureQueries(db),
    keyJobReports: keyJobReportQueries(db),
    tenantLocks: tenantLockQueries(db),
    keyHealth: keyHealthQueries(db),
    kmsUsage: kmsUsageQueries(db),
    metricCounts: metricCountQueries(db),
    destructions: destructionQueries(db),
    drDrills: drDrillQueries(db),
    apiKeys: apiKeyQueries(db),
    audits: auditQueries(db),
  }
}

/** Queries inside one transaction, and its handle, for the queue of jobs. */
export type TransactionStore = ReturnType<typeof queries> & {
  readonly handle: Database
  /** Records a change of this transaction: both are committed, or neither is. */
  audit(entry: AuditEntry): void
}

/** Queries, each in a transaction of its own. */
export type Store = ReturnType<typeof queries> & {
  /** Commits the work, or nothing if it throws. The level is read committed; rows are locked where it matters. */
  transaction<Result>(work: (store: TransactionStore) => Promise<Result>): Promise<Result>
}

export function createStore(db: Database): Store {
  return {
    ...queries(db),
    transaction: (work) =>
      db.transaction().execute(async (transaction) => {
        const entries: AuditEntry[] = []
        const result = await work({
          ...queries(transaction),
          handle: transaction,
          audit: (entry) => {
            entries.push(entry)
          },
        })
        if (entries.length > 0) await appendAudits(transaction, entries)
        return result
      }),
  }
}
