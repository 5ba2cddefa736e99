// Refusals in AWS's words: they name the type of the policy that refused.
import { KmsError } from '../kms-error.ts'
import type { AccessRequest } from './access-request.ts'
import type { PolicyType } from './guardrail-types.ts'

/** Each type of policy with the words of AWS for one policy and for the absence of any. */
const policyTypes = {
  identity: { one: 'an identity-based policy', none: 'no identity-based policy' },
  resource: { one: 'a resource-based policy', none: 'no resource-based policy' },
  serviceControl: { one: 'a service control policy', none: 'no service control policy' },
  resourceControl: { one: 'a resource control policy', none: 'no resource control policy' },
  permissionsBoundary: { one: 'a permissions boundary', none: 'no permissions boundary' },
  session: { one: 'a session policy', none: 'no session policy' },
  vpcEndpoint: { one: 'a VPC endpoint policy', none: 'no VPC endpoint policy' },
} as const satisfies Record<PolicyType, object>

/** The refusal of a request that a policy of this type denies. */
export function deniedBy(request: AccessRequest, type: PolicyType): KmsError {
  // AWS adds the policy's ARN when it is of the caller's own account or organisation.
  const arn = request.caller.policyArns?.[type]
  return denied(
    request,
    `with an explicit deny in ${policyTypes[type].one}${arn === undefined ? '' : `: ${arn}`}`,
  )
}

/** The refusal of a request that no policy of this type allows. */
export function notAllowed(request: AccessRequest, type: PolicyType): KmsError {
  return denied(request, `because ${policyTypes[type].none} allows the ${request.action} action`)
}

/** The refusal that does not tell whether the resource exists. */
export function hiddenFrom(request: Omit<AccessRequest, 'facts'>): KmsError {
  return denied(
    request,
    'because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
  )
}

function denied(
  { caller, action, resource, shownAs = `resource: ${resource}` }: Omit<AccessRequest, 'facts'>,
  reason: string,
): KmsError {
  return new KmsError(
    'AccessDeniedException',
    `User: ${caller.arn} is not authorized to perform: ${action} on ${shownAs} ${reason}`,
  )
}
