// A migration as the original shows it: with three states, and the phases as an extra member.
import { spellings, type MigrationInformation } from '@keyhold/contract'
import { byokPrefix, KeyholdError, parseKeyArn } from '@keyhold/core'
import { createHash } from 'node:crypto'
import { valueOf } from '../../store/json-column.ts'
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'
import { keyJobProgress } from './key-job-progress.ts'
import { wireMilliseconds } from './wire-time.ts'

type Phase = MigrationInformation['phase']

const states: Readonly<Record<Phase, MigrationInformation['state']>> = {
  prepare: 'New',
  dual: 'InProgress',
  copy: 'InProgress',
  verify: 'InProgress',
  cutover: 'InProgress',
  done: 'Completed',
}

/**
 * Shows a key job.
 *
 * @param sourceTenantKeyId - names the source if it is the internal KMS, which has no ARN
 * @throws KeyholdError `ERR_MIGRATION_RECORD_INVALID` when what is stored is damaged
 */
export function migrationWire(job: KeyJobRow, sourceTenantKeyId: string): MigrationInformation {
  const phase = phaseOf(job)
  const toInternal = job.targetFingerprint === job.tenantId
  const fromInternal = job.sourceFingerprint === job.tenantId
  const lastError = valueOf(job.lastError)
  return {
    id: job.id,
    migrationId: job.id,
    tenantId: job.tenantId,
    migratingFrom: fromInternal ? internalHandle(sourceTenantKeyId) : checkArn(job.sourceKeyArn),
    migratingTo: toInternal ? spellings.defaultProviderArn : checkArn(job.targetKeyArn),
    migratingToFingerPrint: job.targetFingerprint,
    migratingToFingerprint: job.targetFingerprint,
    migratingToPrefix: toInternal ? spellings.internalPrefix : byokPrefix(job.targetFingerprint),
    state: states[phase],
    progress: keyJobProgress(job),
    initiatedAt: wireMilliseconds(job.createdAt),
    completedAt: wireMilliseconds(job.completedAt),
    phase,
    cipherkeys: { total: job.total, copied: job.copied, failed: job.failed },
    ...(lastError !== undefined && { lastError }),
  }
}

function phaseOf(job: KeyJobRow): Phase {
  if (job.phase === 'aborting' || job.phase === 'aborted') throw invalid()
  return job.phase
}

function checkArn(keyArn: string): string {
  try {
    return parseKeyArn(keyArn).arn
  } catch (cause) {
    throw new KeyholdError('ERR_MIGRATION_RECORD_INVALID', { cause })
  }
}

/** An opaque name in the form that clients know. It is never a real wrap. */
function internalHandle(tenantKeyId: string): string {
  const bytes = Buffer.concat(
    ['1', '2'].map((part) => createHash('sha512').update(`keyhold/handle/${part}\0${tenantKeyId}`).digest()),
  )
  return `${spellings.internalPrefix}:${bytes.subarray(0, 24).toString('base64')}:${bytes.subarray(24, 84).toString('base64')}`
}

function invalid(): KeyholdError {
  return new KeyholdError('ERR_MIGRATION_RECORD_INVALID')
}
