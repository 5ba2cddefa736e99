// The checks of a key that is not registered, and its policies, as the wire shows them.
import type { KeyChecks, KeyPolicy } from '@keyhold/contract'
import { keyArnFingerprint, type KeyCheck } from '@keyhold/core'
import type { CheckedKey } from '../../providers/check-key.ts'
import { awsCliGrants, awsCliIdentityProvider, awsCliScript } from '../../providers/policy/aws-cli-script.ts'
import type { KeyPolicies } from '../../providers/policy/key-policy.ts'
import { cloudFormationOf, terraformOf } from '../../providers/policy/policy-templates.ts'
import { terraformModule } from '../../providers/policy/terraform-module.ts'
import { inspectionWire } from './key-provider-wire.ts'

export function keyCheckWire({ checks, inspection, error, isRegistered }: CheckedKey): KeyChecks {
  return {
    accepted: inspection !== undefined && !isRegistered,
    ...(error !== undefined && {
      error: { code: error.code, message: error.message, params: { ...error.details } },
    }),
    registered: isRegistered,
    ...(inspection !== undefined && {
      arn: inspection.keyArn,
      arnFingerPrint: keyArnFingerprint(inspection.keyArn),
      ...inspectionWire(inspection),
    }),
    checks: checks.map(oneCheckWire),
  }
}

export function oneCheckWire(check: KeyCheck): KeyChecks['checks'][number] {
  return { ...check, params: { ...check.params } }
}

export function keyPolicyWire(policies: KeyPolicies): KeyPolicy {
  const { tenantId, principals, externalId, keyArn, regions, grants } = policies
  const { identityProvider, trustPolicy, rolePolicy } = policies
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
    grants: grants.map((grant) => ({ ...grant, operations: [...grant.operations] })),
    awsCli: awsCliScript(policies),
    awsCliGrants: awsCliGrants(policies),
    ...(keyArn === undefined && { terraform: terraformModule(policies) }),
    ...(identityProvider !== undefined && {
      identityProvider: {
        ...identityProvider,
        clientIds: [...identityProvider.clientIds],
        awsCli: awsCliIdentityProvider(identityProvider),
      },
    }),
    ...(trustPolicy !== undefined && { trustPolicy }),
    ...(rolePolicy !== undefined && { rolePolicy }),
  }
}
