// Refusals by policies that are not the key's: of Keyhold's own account, and of the customer's.
import type { NewGuardrails } from '@keyhold/local-kms'
import { replicated, type OwnCause, type CauseScene, type Key } from './cause-scene.ts'
import { behindRole } from './special-keys.ts'

/** Keyhold's own side refuses. */
export const causesOfOurs: OwnCause[] = [
  {
    cause:
      'A service control policy of Keyhold’s own account denies it; or its identity-based policy, permissions boundary, session policy or VPC endpoint policy',
    how: '`kms.guardrails.put(principal, { serviceControl })` for Keyhold’s principal; or `identity`, `permissionsBoundary`, `session`, `vpcEndpoint`',
    notFor:
      'A refusal by the customer, whose key policy allows everything: nothing ends before its time, and afterwards requests get 503. Nor an outage of AWS KMS: no other region is asked.',
    makeKey: replicated,
    state: 'misconfigured',
    answer: '503 ERR_KMS_OWN_POLICY',
    produce: ({ ownDenials }, { arn }) => Promise.resolve(ownDenials.deny('serviceControl', arn)),
  },
]

const deny = { Effect: 'Deny', Action: 'kms:*', Resource: '*' }

const guardRole =
  (guardrails: NewGuardrails) =>
  ({ server }: CauseScene, { roleArn = '' }: Key) => {
    server.kms.guardrails.put(roleArn, guardrails)
    return Promise.resolve(() => server.kms.guardrails.delete(roleArn))
  }

/** The customer's side refuses, though not by the key policy. */
export const causesOfTheirs: OwnCause[] = [
  {
    cause:
      'A service control policy of the customer’s account denies its role; or the role’s identity-based policy or permissions boundary',
    how: '`kms.guardrails.put(roleArn, { serviceControl })` for the customer’s role; or `identity`, `permissionsBoundary`',
    notFor: 'A refusal by the key policy, nor one by Keyhold’s account: the customer corrects it.',
    makeKey: behindRole,
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: guardRole({ serviceControl: { Statement: deny } }),
  },
  {
    cause: 'A resource control policy over the key denies it',
    how: '`kms.guardrails.put(roleArn, { resourceControl })`',
    notFor:
      'A refusal by the key policy, nor one by Keyhold’s account: such a policy is over the key, whoever calls.',
    makeKey: behindRole,
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: guardRole({ resourceControl: { Statement: { ...deny, Principal: '*' } } }),
  },
]
