// The plan of a migration, and the use of a key, for people.
import type { KeyProviderUsage, MigrationPlan } from '@keyhold/client'
import { formatFields } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { durationOf } from './key-job.ts'
import { kmsName } from './kms-name.ts'
import { readableTime } from './readable-time.ts'

export const migrationPlanView: View<MigrationPlan> = {
  ids: ({ target }) => [target.fingerprint],
  text: ({ census, estimate, ...plan }) =>
    formatFields([
      ['plan', plan.planId],
      ['would start', plan.wouldStart ? 'yes' : 'no'],
      ['refused', plan.refusals.map(problemText)],
      ['warnings', plan.warnings.map(problemText)],
      ['from', `${kmsName(plan.source.arn)} (tenant key version ${plan.source.tenantKeyVersion})`],
      ['to', kmsName(plan.target.arn)],
      [
        'tried',
        plan.probes.map(
          ({ end, region, arn, outcome, code }) =>
            `${end} ${region === '' ? kmsName(arn) : region}: ${outcome}${code === undefined ? '' : ` (${code})`}`,
        ),
      ],
      [
        'cipherkeys',
        `${atLeast(census)}${census.cipherkeys}, ${census.checked} checked, ${census.unreadable} of them do not open${census.accepted === 0 ? '' : ` (${census.accepted} accepted before)`}`,
      ],
      [
        'do not open',
        census.unreadableCipherkeys.map(
          ({ dataKeyId, version, code }) => `${dataKeyId}.${version} (${code})`,
        ),
      ],
      ['tenant keys', String(census.tenantKeys)],
      [
        'not opened',
        census.refusedTenantKeys.map(
          ({ tenantKeyVersion, fingerprint, message, code }) =>
            `tenant key version ${tenantKeyVersion}, under ${fingerprint}: ${message} (${code})`,
        ),
      ],
      [
        census.mayBeMore ? 'takes at least' : 'takes about',
        estimate.seconds === undefined ? '-' : durationOf(estimate.seconds),
      ],
      [
        'rate',
        estimate.keysPerSecond === undefined ? undefined : `${estimate.keysPerSecond}/s while copying`,
      ],
    ]),
}

export const keyProviderUsageView: View<KeyProviderUsage> = {
  ids: ({ blockers }) => blockers.map(({ code }) => code),
  text: (usage) =>
    formatFields([
      ['fingerprint', usage.fingerprint],
      ['arn', kmsName(usage.arn)],
      ['current', usage.current ? 'yes' : 'no'],
      [
        'tenant keys',
        usage.tenantKeys.map(
          ({ version, state, cipherkeys, ...counted }) =>
            `version ${version}, ${state}, ${atLeast(counted)}${cipherkeys} cipherkeys`,
        ),
      ],
      ['migrations', usage.migrations.map((job) => `${job.id}, ${job.kind}, ${job.phase}`)],
      ['shared', usage.shared ? 'yes: another tenant uses this key' : 'no'],
      ['safe to delete', usage.safeToDelete ? `yes, since ${readableTime(usage.safeSince ?? '')}` : 'no'],
      [
        'in the way',
        usage.blockers.map(
          ({ message, code, until }) =>
            `${message} (${code}${until === undefined ? '' : `, until ${readableTime(until)}`})`,
        ),
      ],
    ]),
}

function atLeast({ mayBeMore }: { mayBeMore?: true }): string {
  return mayBeMore ? 'at least ' : ''
}

function problemText({ code, message }: { code: string; message: string }): string {
  return `${message} (${code})`
}
