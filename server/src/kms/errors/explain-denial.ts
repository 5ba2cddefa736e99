// Finds out whose policy has refused a call. A refusal by Keyhold's own side is no refusal of the customer's: what is held
// serves until its time ends. So whatever is not clear counts as the customer's.
import { KeyholdError, policyName, type CustomerRole, type PolicyType } from '@keyhold/core'
import { fromAwsError } from './aws-kms-errors.ts'
import { accountOf } from '../kms-call.ts'
import { parseNamedPolicy } from './named-policy.ts'

/** Policies over the principal that calls. The others are over the key or the role that is called for. */
const ofCaller: ReadonlySet<PolicyType> = new Set([
  'identity',
  'permissionsBoundary',
  'session',
  'vpcEndpoint',
  'serviceControl',
])

/** A call that failed, and the role through which it was made; undefined: it was made with Keyhold's own credentials. */
export interface FailedCall {
  action: string
  region: string
  role?: CustomerRole | undefined
}

/**
 * Makes a Keyhold error of what the AWS SDK threw. A denial has the detail `policy` where AWS names one;
 * `ERR_KMS_OWN_POLICY` takes its place where it is certain that Keyhold's own account refuses.
 */
export type ExplainAwsError = (thrown: unknown, call: FailedCall) => Promise<KeyholdError>

/** @param findOwnAccount - undefined: it cannot be found out */
export function createExplainAwsError(
  findOwnAccount: (region: string) => Promise<string | undefined>,
): ExplainAwsError {
  return async (thrown, { action, region, role }) => {
    const error = fromAwsError(thrown, action, region)
    // An error that is Keyhold's already was explained where it was thrown, as when a role could not be assumed.
    if (error === thrown || error.code !== 'ERR_KMS_DENIED' || !(thrown instanceof Error)) return error
    const named = parseNamedPolicy(thrown.message)
    if (named === undefined) return error
    const { policy, principalAccount } = named
    const details = { action, region, policy }
    const name = policyName(policy)
    if (ofCaller.has(policy)) {
      const own = await findOwnAccount(region)
      const caller = role === undefined ? own : accountOf(role.arn)
      // Three must agree: who Keyhold is, by whose credentials it called, and of whom AWS speaks.
      if (own !== undefined && caller === own && principalAccount === own) {
        const message = `A policy of Keyhold's own AWS account, ${name ?? policy}, does not let Keyhold call ${action}.`
        return new KeyholdError('ERR_KMS_OWN_POLICY', { message, cause: thrown, details })
      }
    }
    const message = name && `AWS names ${name}, not the key policy, that does not allow ${action}.`
    return new KeyholdError('ERR_KMS_DENIED', {
      ...(message !== undefined && { message }),
      ...{ cause: thrown, details },
    })
  }
}
