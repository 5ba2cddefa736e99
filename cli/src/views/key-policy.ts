// Key policies, ready to paste.
import type { KeyPolicy } from '@keyhold/client'

export const policyFormats = [
  'json',
  'aws-cli',
  'terraform',
  'cloudformation',
  'grants',
  'trust-policy',
  'identity-provider',
  'role-policy',
] as const

export type PolicyFormat = (typeof policyFormats)[number]

interface PolicyText {
  /** Undefined where no such policy is needed. */
  text: string | undefined
  /** Further steps, for people. */
  remarks: string[]
}

export function policyText(
  { regions, awsCli, awsCliGrants, terraform: module, trustPolicy, rolePolicy, identityProvider }: KeyPolicy,
  format: PolicyFormat,
): PolicyText {
  const [first] = regions
  if (format === 'trust-policy') return { text: jsonOf(trustPolicy), remarks: [] }
  if (format === 'identity-provider') return { text: identityProvider?.awsCli.trimEnd(), remarks: [] }
  if (format === 'role-policy') return { text: jsonOf(rolePolicy), remarks: [] }
  if (format === 'aws-cli') return { text: awsCli.trimEnd(), remarks: [] }
  if (format === 'grants') return { text: awsCliGrants.trimEnd(), remarks: [] }
  if (format === 'terraform' && module !== undefined) return { text: module.trimEnd(), remarks: [] }
  if (format === 'terraform')
    return { text: regions.map(({ terraform }) => terraform.trimEnd()).join('\n\n'), remarks: [] }
  if (format === 'cloudformation') {
    // Each region has a stack of its own, so that only one of them can be printed.
    const remarks = regions.length > 1 ? [`for ${first?.region ?? ''}; print the others with --region`] : []
    return { text: first?.cloudFormation.trimEnd(), remarks }
  }
  const remarks = [
    `the key policy for ${regions.map((each) => each.region).join(' and ')}: put it into each`,
    'grants do as well, without a change of the policy: --format grants',
    ...(trustPolicy === undefined ? [] : ['the role needs a trust policy as well: --format trust-policy']),
    ...(identityProvider === undefined
      ? []
      : [
          'and its account an identity provider, once: --role-access web-identity --format identity-provider',
        ]),
    ...(rolePolicy === undefined ? [] : ["its account must allow it the key's use: --format role-policy"]),
  ]
  return { text: jsonOf(first?.policy), remarks }
}

function jsonOf(policy: object | undefined): string | undefined {
  return policy && JSON.stringify(policy, undefined, 2)
}
