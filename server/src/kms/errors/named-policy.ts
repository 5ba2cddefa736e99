// Reads which policy refused a call, from the sentence with which AWS says so. The whole sentence must fit: names of keys,
// roles and policies hold no spaces, so that nobody who chooses one can put another policy's words into it.

import type { PolicyType } from '@keyhold/core'

/** A refusal as AWS explains it. */
export interface NamedPolicy {
  policy: PolicyType
  /** The account of the principal that was refused, 12 digits. */
  principalAccount: string
}

const typeByWords: Readonly<Record<string, PolicyType>> = {
  'identity-based policy': 'identity',
  'resource-based policy': 'resource',
  'service control policy': 'serviceControl',
  'resource control policy': 'resourceControl',
  'permissions boundary': 'permissionsBoundary',
  'session policy': 'session',
  'VPC endpoint policy': 'vpcEndpoint',
}

const policies = Object.keys(typeByWords).join('|')
const principal = 'arn:aws[a-z-]*:(?:iam|sts)::(?<account>\\d{12}):\\S+'
const resource = '(?: on (?:resource: \\S+|the resource associated with this ciphertext))?'
const nobodyAllows = `because no (?<absent>${policies}) allows the \\S+ action`
// In one account or organisation AWS appends the ARN of the policy.
const onePolicyDenies = `with an explicit deny in an? (?<denying>${policies})(?:: arn:\\S+)?`
const sentence = new RegExp(
  `^User: ${principal} is not authorized to perform: \\S+${resource} (?:${nobodyAllows}|${onePolicyDenies})\\.?$`,
)

/** Undefined: AWS names no policy, or in words that are not known. */
export function parseNamedPolicy(message: string): NamedPolicy | undefined {
  const { account, absent, denying } = sentence.exec(message.trim())?.groups ?? {}
  const policy = typeByWords[absent ?? denying ?? '']
  return policy === undefined || account === undefined ? undefined : { policy, principalAccount: account }
}
