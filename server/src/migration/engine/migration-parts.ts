// What every phase of a key job works with.
import type { Kms } from '@keyhold/core'
import type { TenantKeyCache } from '../../keyring/tenant-key-cache.ts'
import type { KeyJobChanges, KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import type { Store, TransactionStore } from '../../store/store.ts'
import type { Failpoint } from './failpoint.ts'
import type { Pacer } from './pacer.ts'
import type { RewrapThreads } from './rewrap-threads.ts'
import type { Stint } from './stint.ts'

/** Signs a JSON value and answers a compact JWS (RFC 7515) with EdDSA (RFC 8037). */
export type SignReport = (payload: Readonly<Record<string, unknown>>) => string

export interface MigrationParts {
  store: Store
  kms: Kms
  tenantKeys: TenantKeyCache
  threads: RewrapThreads
  pacer: Pacer
  signReport: SignReport
  /** How long a lead lasts unless it is renewed; three renewals are tried in that time. */
  leaseSeconds: number
  /** Days for which a retired tenant key version is kept for the sake of backups; 0: none. */
  backupRetentionDays: number
  failpoint: Failpoint
}

/** Thrown when another run leads the job now: everything uncommitted is given up, and nothing is wrong. */
export class LeadLost extends Error {
  constructor() {
    super('another run leads the migration')
    this.name = 'LeadLost'
  }
}

/** What a phase works with besides. */
export interface LeaderParts extends MigrationParts {
  /** Who it is that leads: a UUID of one run. */
  leaderId: string
  /** When it aborts, the lead is to be given up. */
  signal: AbortSignal
  /** Where a phase can be left and taken up again, it asks whether another key job is to have its turn. */
  stint: Stint
}

/** Saves a step's progress inside its transaction, and undoes the transaction when this run leads no more. */
export async function advance(
  { leaderId }: LeaderParts,
  transaction: TransactionStore,
  job: KeyJobRow,
  changes: KeyJobChanges,
): Promise<void> {
  if (!(await transaction.keyJobs.advance(job.id, leaderId, job.phase, changes))) throw new LeadLost()
}

/** Every job has its target version from the end of prepare on. */
export function targetVersionOf(job: KeyJobRow): number {
  if (job.targetVersion === undefined)
    throw new TypeError(`key job ${job.id} has no target version in ${job.phase}`)
  return job.targetVersion
}

/** Where a key job brings the cipherkeys: to its target, or, once cancelled, back. */
export function destinationOf(job: KeyJobRow): { version: number; keyArn: string } {
  return job.phase === 'aborting'
    ? { version: job.sourceVersion, keyArn: job.sourceKeyArn }
    : { version: targetVersionOf(job), keyArn: job.targetKeyArn }
}

const dayMs = 86_400_000

/** Until when a version that is retired now is kept; undefined: it ends at once. */
export function destroyAfter({ backupRetentionDays }: MigrationParts, retiredAt: Date): Date | undefined {
  return backupRetentionDays === 0 ? undefined : new Date(retiredAt.getTime() + backupRetentionDays * dayMs)
}
