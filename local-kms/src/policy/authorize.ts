// Decides whether a principal may do something, by the rules of IAM and of KMS key policies:
// an explicit deny anywhere wins; nobody, not even the owner's root, has access unless the key policy or a grant says
// so; a key policy that names the account leaves the decision to the identity policies of that account;
// across accounts both the key policy and the principal's identity policy must allow; a grant is enough by itself.
// The guardrails, which limit the principal, must allow as well. A key policy that names the principal itself, not its
// role, and a grant stand above its permissions boundary and its session's policy, unless these deny.
import type { AccessRequest } from './access-request.ts'
import { deniedBy, notAllowed } from './denial.ts'
import { refuseDeniedByGuardrails, requireGuardrails } from './guardrails.ts'
import type { Policy } from './parse-policy.ts'
import { policyEffect, resourceEffect } from './policy-effect.ts'

/** The policy of what is acted on, its owner, and whether a grant on it allows the request. */
export interface Resource {
  policy: Policy
  ownerAccount: string
  isGranted?: boolean
}

/** @throws KmsError AccessDeniedException */
export function authorizeByIdentity(request: AccessRequest): void {
  refuseDenied(request)
  requireOuterGuardrails(request)
  requireIdentity(request)
}

/**
 * Decides by the caller's identity policy and by the policy of a resource: a key policy, or the trust policy of a role.
 *
 * @throws KmsError AccessDeniedException
 */
export function authorizeByResource(
  request: AccessRequest,
  { policy, ownerAccount, isGranted = false }: Resource,
): void {
  refuseDenied(request, policy)
  requireOuterGuardrails(request)
  if (isGranted) return
  const allowed = resourceEffect(policy, request)
  if (allowed === 'Deny' || allowed.size === 0) throw notAllowed(request, 'resource')
  const isSameAccount = request.caller.account === ownerAccount
  if (isSameAccount && allowed.has('caller')) return
  if (isSameAccount && allowed.has('role')) requireInnerGuardrails(request)
  else requireIdentity(request)
}

/** @throws KmsError AccessDeniedException when any policy denies the request explicitly */
export function refuseDenied(request: AccessRequest, resourcePolicy: Policy = []): void {
  refuseDeniedByGuardrails(request)
  if (identityEffect(request) === 'Deny') throw deniedBy(request, 'identity')
  if (resourceEffect(resourcePolicy, request) === 'Deny') throw deniedBy(request, 'resource')
}

function requireIdentity(request: AccessRequest): void {
  if (identityEffect(request) !== 'Allow') throw notAllowed(request, 'identity')
  requireInnerGuardrails(request)
}

function requireOuterGuardrails(request: AccessRequest): void {
  requireGuardrails(request, ['serviceControl', 'resourceControl', 'vpcEndpoint'])
}

function requireInnerGuardrails(request: AccessRequest): void {
  requireGuardrails(request, ['permissionsBoundary', 'session'])
}

function identityEffect(request: AccessRequest): 'Allow' | 'Deny' | undefined {
  return policyEffect(request.caller.identityPolicy ?? [], request)
}
