// The types of policies by which AWS refuses a call. This file imports nothing, because pages in browsers say them too.

/** As the refusals of AWS name them. */
export type PolicyType =
  | 'identity'
  | 'resource'
  | 'serviceControl'
  | 'resourceControl'
  | 'permissionsBoundary'
  | 'session'
  | 'vpcEndpoint'

const names = new Map<string, string>([
  ['identity', 'an identity-based policy'],
  ['serviceControl', 'a service control policy'],
  ['resourceControl', 'a resource control policy'],
  ['permissionsBoundary', 'a permissions boundary'],
  ['session', 'a session policy'],
  ['vpcEndpoint', 'a VPC endpoint policy'],
] satisfies [PolicyType, string][])

/** The name of a type for people, with its article. Undefined: the key policy, a role's trust policy, or an unknown one. */
export function policyName(policy: string | undefined): string | undefined {
  return policy === undefined ? undefined : names.get(policy)
}
