// Key jobs for people: migrations and rotations.
import type { KeyJob, KeyJobFailure, KeyJobReport } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { Pace } from '../wait/key-job-pace.ts'
import type { View } from '../output/print-reply.ts'
import { kmsName } from './kms-name.ts'
import { readableTime } from './readable-time.ts'

export const keyJobView: View<KeyJob> = {
  ids: ({ id }) => [id],
  text: (job) =>
    formatFields([
      ['id', job.id],
      ['kind', job.kind],
      ['phase', job.phase],
      ['progress', `${job.progress} %`],
      ['cipherkeys', cipherkeysOf(job)],
      ['rate', job.keysPerSecond === undefined ? undefined : `${job.keysPerSecond}/s while copying`],
      ['from', endOf(job.source)],
      ['to', endOf(job.target)],
      ['initiated', readableTime(job.initiatedAt)],
      ['cancelled', job.cancelledAt && readableTime(job.cancelledAt)],
      ['ended', job.completedAt && readableTime(job.completedAt)],
      ['waits', keyJobErrorOf(job)],
      ['tries again', job.retryAt && readableTime(job.retryAt)],
      ['tenant', job.tenantId],
    ]),
}

export const keyJobListView: View<{ migrations: KeyJob[] }> = {
  ids: ({ migrations }) => migrations.map(({ id }) => id),
  text: ({ migrations }) =>
    formatTable(
      ['ID', 'KIND', 'PHASE', 'PROGRESS', 'CIPHERKEYS', 'TO', 'INITIATED'],
      migrations.map((job) =>
        job.tampered === true
          ? [job.id, '-', 'tampered', '-', '-', '-', '-']
          : [
              job.id,
              job.kind,
              job.phase,
              `${job.progress} %`,
              cipherkeysOf(job),
              job.target.fingerprint,
              readableTime(job.initiatedAt),
            ],
      ),
    ),
}

export const keyJobFailureListView: View<{ failures: KeyJobFailure[] }> = {
  ids: ({ failures }) => failures.map(nameOf),
  text: ({ failures }) =>
    formatTable(
      ['CIPHERKEY', 'KEY NAME', 'TENANT KEY', 'CODE', 'AT', 'ACCEPTED'],
      failures.map((failure) =>
        failure.tampered === true
          ? [nameOf(failure), '-', '-', '-', '-', 'tampered']
          : [
              nameOf(failure),
              failure.keyName ?? '-',
              failure.tenantKeyVersion === undefined ? '-' : `version ${failure.tenantKeyVersion}`,
              failure.code,
              readableTime(failure.at),
              acceptedOf(failure),
            ],
      ),
    ),
}

function acceptedOf({ acceptedAt, acceptedBy }: KeyJobFailure): string {
  return acceptedAt === undefined ? 'no' : `${readableTime(acceptedAt)} by ${acceptedBy ?? '-'}`
}

/** One line of progress, short enough for a line of 80 columns with a million cipherkeys. */
export function keyJobProgressOf(job: KeyJob, { keysPerSecond, secondsLeft }: Pace): string {
  const { total, copied, verified, failed } = job.cipherkeys
  const counted = job.phase === 'verify' ? `${verified} of ${total} verified` : `${copied} of ${total} copied`
  const rate = keysPerSecond === undefined ? '' : `, ${Math.round(keysPerSecond)}/s`
  const left = secondsLeft === undefined ? '' : `, ${durationOf(secondsLeft)} left`
  return `${job.phase}, ${job.progress} %, ${counted}${failed === 0 ? '' : `, ${failed} failed`}${rate}${left}`
}

/** Signed words are printed as they were signed. */
export const keyJobReportView: View<KeyJobReport> = {
  ids: ({ jws }) => [jws],
  text: ({ report }) => JSON.stringify(report, undefined, 2),
}

/** Why a key job waits, if it does. */
export function keyJobErrorOf({ lastError }: KeyJob): string | undefined {
  return lastError && `${lastError.message} (${lastError.code}) at ${readableTime(lastError.at)}`
}

export function durationOf(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`
  return seconds < 6_000 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3_600)} h`
}

function cipherkeysOf({ cipherkeys }: KeyJob): string {
  const { total, copied, verified, failed, accepted, destroyed } = cipherkeys
  const ended = destroyed > 0 ? `, ${destroyed} destroyed since` : ''
  const set = failed === 0 ? '' : `, ${failed} failed (${accepted} accepted${ended})`
  return `${copied} of ${total} copied, ${verified} verified${set}`
}

function endOf({ arn, fingerprint, tenantKeyVersion }: KeyJob['target']): string {
  const version = tenantKeyVersion === undefined ? '' : `, tenant key version ${tenantKeyVersion}`
  return `${kmsName(arn)} (${fingerprint}${version})`
}

function nameOf({ dataKeyId, version }: KeyJobFailure): string {
  return `${dataKeyId}.${version}`
}
