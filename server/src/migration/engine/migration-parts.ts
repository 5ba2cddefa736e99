// The parts that every phase of a key job works with.
import type { Kms } from '@keyhold/core'
import type { TenantKeyCache } from '../../keyring/tenant-key-cache.ts'
import type { HoldSigner } from '../../store/authentic/hold-signer.ts'
import type { Fence } from '../../store/fence/fence-row.ts'
import type { KeyJobChanges, KeyJobRow, LedKeyJob } from '../../store/key-jobs/key-jobs.ts'
import type { Store, TransactionStore } from '../../store/store.ts'
import type { Failpoint } from './failpoint.ts'
import type { Pacer } from './pacer.ts'
import type { RewrapThreads } from './rewrap-threads.ts'
import type { Stint } from './stint.ts'

export interface MigrationParts {
  store: Store
  kms: Kms
  tenantKeys: TenantKeyCache
  threads: RewrapThreads
  pacer: Pacer
  /** For reports. */
  holdSigner: HoldSigner
  /** How long a lead lasts unless it is renewed; three renewals are tried in that time. */
  leadSeconds: number
  /** Days for which a retired tenant key version is kept for the sake of backups; 0: none. */
  backupRetentionDays: number
  failpoint: Failpoint
}

/** Thrown when another run leads the job now. Uncommitted work is given up, and nothing is wrong. */
export class LeadLost extends Error {
  constructor() {
    super('another run leads the migration')
    this.name = 'LeadLost'
  }
}

/** The parts of the run that leads the job. */
export interface LeaderParts extends MigrationParts {
  /** Names the run that leads: a UUID. */
  leaderId: string
  /** When it aborts, the run gives up the lead. */
  signal: AbortSignal
  /** Where a phase can be left and resumed, it asks here whether another key job should have its turn. */
  stint: Stint
}

/** Saves a step's progress inside its transaction, and undoes the transaction if this run no longer leads. */
export async function advance(
  { leaderId }: LeaderParts,
  transaction: TransactionStore,
  job: LedKeyJob,
  changes: KeyJobChanges,
): Promise<void> {
  if (!(await transaction.keyJobs.advance(job, leaderId, changes))) throw new LeadLost()
}

/** Undoes the transaction if the fence says that another key job is live, or none: whatever its row shows. */
export function requireLive({ id }: Pick<KeyJobRow, 'id'>, fence: Fence | undefined): void {
  if (fence?.stated !== undefined && fence.stated.liveJobId !== id) throw new LeadLost()
}

/** Every key job has a target version from the end of prepare on. */
export function targetVersionOf(job: KeyJobRow): number {
  if (job.targetVersion === undefined)
    throw new TypeError(`key job ${job.id} has no target version in ${job.phase}`)
  return job.targetVersion
}

/** The version to which a key job brings the cipherkeys: its target, or its source once it is cancelled. */
export function destinationOf(job: KeyJobRow): { version: number; keyArn: string } {
  return job.phase === 'aborting'
    ? { version: job.sourceVersion, keyArn: job.sourceKeyArn }
    : { version: targetVersionOf(job), keyArn: job.targetKeyArn }
}
