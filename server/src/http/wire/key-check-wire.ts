// The checks of a key that is not registered, and its policies, as the wire shows them.
import type { KeyChecks, KeyPolicy } from '@keyhold/contract'
import { keyArnFingerprint } from '@keyhold/core'
import type { CheckedKey } from '../../providers/check-key.ts'
import type { KeyPolicies } from '../../providers/key-policy.ts'
import { cloudFormationOf, terraformOf } from '../../providers/policy-templates.ts'
import { inspectionWire } from './key-provider-wire.ts'

export function keyCheckWire({ checks, inspection, error, isRegistered }: CheckedKey): KeyChecks {
  return {
    accepted: inspection !== undefined && !isRegistered,
    ...(error !== undefined && { error: { code: error.code, message: error.message } }),
    registered: isRegistered,
    ...(inspection !== undefined && {
      arn: inspection.keyArn,
      arnFingerPrint: keyArnFingerprint(inspection.keyArn),
      ...inspectionWire(inspection),
    }),
    checks,
  }
}

export function keyPolicyWire(tenantId: string, policies: KeyPolicies): KeyPolicy {
  const { principals, externalId, regions, trustPolicy, rolePolicy } = policies
  const [primary] = regions
  return {
    tenantId,
    principals: [...principals],
    externalId,
    regions: regions.map((one) => ({
      region: one.region,
      ...(one.keyArn !== undefined && { arn: one.keyArn }),
      policy: one.policy,
      terraform: terraformOf(one),
      cloudFormation: cloudFormationOf(one, primary ?? one),
    })),
    ...(trustPolicy !== undefined && { trustPolicy }),
    ...(rolePolicy !== undefined && { rolePolicy }),
  }
}
