// The types of policies that only limit a principal.
import type { Policy } from './parse-policy.ts'

/** Each may be absent. */
export interface Guardrails {
  /** Of the organisation, over the principal. */
  serviceControl?: Policy | undefined
  /** Of the organisation, over the keys that the principal uses. */
  resourceControl?: Policy | undefined
  /** Of the VPC endpoint that the principal's calls go through. */
  vpcEndpoint?: Policy | undefined
  permissionsBoundary?: Policy | undefined
  /** Of the session whose credentials the principal uses. */
  session?: Policy | undefined
}

export const guardrailTypes = [
  'serviceControl',
  'resourceControl',
  'vpcEndpoint',
  'permissionsBoundary',
  'session',
] as const

export type PolicyType = keyof Guardrails | 'identity' | 'resource'

export type PolicyArns = Readonly<Partial<Record<PolicyType, string>>>
