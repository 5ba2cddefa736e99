// The plan of a migration, and the usage of a key provider, as the wire shows them.
import { keyArnFingerprint } from '@keyhold/core'
import type { KeyProviderUsage as UsageWire, MigrationPlan as PlanWire } from '@keyhold/contract'
import type { MigrationPlan } from '../../migration/plan-migration.ts'
import type { KeyProviderUsage } from '../../providers/key-provider-usage.ts'
import { arnWire } from './key-job-wire.ts'

export function migrationPlanWire(tenantId: string, plan: MigrationPlan): PlanWire {
  const { source, target, census, estimate } = plan
  const ends = { source, target }
  return {
    planId: plan.id,
    tenantId,
    wouldStart: plan.refusals.length === 0,
    refusals: plan.refusals,
    warnings: plan.warnings,
    source: {
      fingerprint: source.fingerprint,
      arn: arnWire(tenantId, source.fingerprint, source.keyArn),
      tenantKeyVersion: plan.sourceVersion,
    },
    target: {
      fingerprint: target.fingerprint,
      arn: arnWire(tenantId, target.fingerprint, target.keyArn),
    },
    probes: plan.probes.map(({ end, region, keyArn, error }) => ({
      end,
      region,
      arn: arnWire(tenantId, ends[end].fingerprint, keyArn),
      outcome: error === undefined ? 'passed' : 'failed',
      ...error,
    })),
    census: {
      tenantKeys: plan.tenantKeys,
      cipherkeys: census.total,
      ...(census.mayBeMore && { mayBeMore: true }),
      checked: census.checked,
      unreadable: census.unreadable,
      accepted: census.accepted,
      unreadableCipherkeys: census.named,
      refusedTenantKeys: plan.refusedTenantKeys.map(({ version, keyArn, code, message }) => ({
        tenantKeyVersion: version,
        // The internal KMS's name for its root key is no ARN.
        fingerprint: keyArn.startsWith('arn:') ? keyArnFingerprint(keyArn) : tenantId,
        ...{ code, message },
      })),
    },
    estimate: {
      ...(estimate.seconds !== undefined && { seconds: estimate.seconds }),
      ...(estimate.keysPerSecond !== undefined && { keysPerSecond: estimate.keysPerSecond }),
      sampledCipherkeys: estimate.sampledCipherkeys,
    },
  }
}

export function keyProviderUsageWire({ provider, ...usage }: KeyProviderUsage): UsageWire {
  const { tenantId, fingerprint, keyArn } = provider
  return {
    fingerprint,
    arn: arnWire(tenantId, fingerprint, keyArn),
    current: provider.isCurrent,
    tenantKeys: usage.tenantKeys.map(
      ({ version, state, cipherkeys, mayBeMore, createdAt, destroyAfter }) => ({
        version,
        state,
        cipherkeys,
        ...(mayBeMore && { mayBeMore }),
        createdAt: createdAt.toISOString(),
        ...(destroyAfter !== undefined && { destroyAfter: destroyAfter.toISOString() }),
      }),
    ),
    migrations:
      usage.live === undefined ? [] : [usage.live].map(({ id, kind, phase }) => ({ id, kind, phase })),
    shared: usage.isShared,
    safeToDelete: usage.blockers.length === 0,
    ...(usage.safeSince !== undefined && { safeSince: usage.safeSince.toISOString() }),
    blockers: usage.blockers.map(({ code, message, until }) => ({
      code,
      message,
      ...(until !== undefined && { until: until.toISOString() }),
    })),
  }
}
