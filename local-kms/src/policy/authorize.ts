// Decides whether a principal may do something, by the rules of IAM and of KMS key policies:
// an explicit deny anywhere wins; nobody, not even the owner's root, has access unless the key policy says
// so; a key policy that names the account leaves the decision to the identity policies of that account;
// across accounts both the key policy and the principal's identity policy must allow.
import { KmsError } from '../kms-error.ts'
import { evaluateCondition } from './conditions.ts'
import { matchesArn, matchesGlob } from './glob.ts'
import type { Policy, Selection, Statement } from './parse-policy.ts'
import { type Principal, rootArn } from './principal.ts'
import type { RequestFacts } from './conditions.ts'

export interface AccessRequest {
  caller: Principal
  /** As in `kms:Decrypt`. */
  action: string
  /** The ARN acted on, or `*` for an action that concerns no single resource. */
  resource: string
  facts: RequestFacts
}

/** How a statement names the caller: itself, or the account it belongs to. */
type PrincipalMatch = 'caller' | 'account' | undefined

/** @throws KmsError AccessDeniedException */
export function authorizeByIdentity(request: AccessRequest): void {
  const effect = identityEffect(request)
  if (effect === 'Deny') throw denied(request, 'with an explicit deny in an identity-based policy')
  if (effect === undefined) throw notAllowed(request, 'identity-based')
}

/**
 * Decides by the caller's identity policy and by the policy of a resource: a key policy, or the trust policy of a role.
 *
 * @throws KmsError AccessDeniedException
 */
export function authorizeByResource(request: AccessRequest, policy: Policy, ownerAccount: string): void {
  const identity = identityEffect(request)
  if (identity === 'Deny') throw denied(request, 'with an explicit deny in an identity-based policy')
  const allowed = new Set<PrincipalMatch>()
  for (const statement of policy) {
    const match = principalMatch(statement.principals, request.caller)
    if (match === undefined || !applies(statement, request)) continue
    if (statement.effect === 'Deny') throw denied(request, 'with an explicit deny in a resource-based policy')
    allowed.add(match)
  }
  if (allowed.size === 0) throw notAllowed(request, 'resource-based')
  const isSameAccount = request.caller.account === ownerAccount
  if (isSameAccount && allowed.has('caller')) return
  if (identity !== 'Allow') throw notAllowed(request, 'identity-based')
}

function identityEffect(request: AccessRequest): 'Allow' | 'Deny' | undefined {
  const applying = (request.caller.identityPolicy ?? []).filter((statement) => applies(statement, request))
  if (applying.some((statement) => statement.effect === 'Deny')) return 'Deny'
  return applying.length > 0 ? 'Allow' : undefined
}

function applies(statement: Statement, request: AccessRequest): boolean {
  const action = request.action.toLowerCase()
  if (!selects(statement.actions, (pattern) => matchesGlob(pattern, action))) return false
  const { resource } = request
  const onResource = (pattern: string): boolean => pattern === '*' || matchesArn(pattern, resource)
  if (!selects(statement.resources, onResource)) return false
  const verdicts = statement.conditions.map((condition) => evaluateCondition(condition, request.facts))
  if (verdicts.includes(false)) return false
  // A condition that cannot be judged counts against the request: it allows nothing and denies everything.
  return statement.effect === 'Deny' || !verdicts.includes('unknown')
}

function selects(selection: Selection, matches: (pattern: string) => boolean): boolean {
  return selection.patterns.some(matches) !== selection.not
}

function principalMatch(principals: Selection | undefined, caller: Principal): PrincipalMatch {
  if (principals === undefined) return undefined
  const { patterns } = principals
  // A policy names a session by its own ARN, or by that of the role whose session it is.
  const arns = [caller.arn, caller.roleArn].filter((arn) => arn !== undefined)
  const isNamed = patterns.includes('*') || (!isRoot(caller) && arns.some((arn) => patterns.includes(arn)))
  const isAccountNamed = patterns.includes(caller.account) || patterns.includes(rootArn(caller.account))
  if (principals.not) return isNamed || isAccountNamed ? undefined : 'caller'
  return isNamed ? 'caller' : isAccountNamed ? 'account' : undefined
}

function isRoot(caller: Principal): boolean {
  return caller.arn.endsWith(':root')
}

/** The refusal of a request that no policy of this kind allows. */
export function notAllowed(request: AccessRequest, kind: 'identity-based' | 'resource-based'): KmsError {
  return denied(request, `because no ${kind} policy allows the ${request.action} action`)
}

/** The refusal in AWS's words; `reason` ends the sentence. */
export function denied({ caller, action, resource }: Omit<AccessRequest, 'facts'>, reason: string): KmsError {
  return new KmsError(
    'AccessDeniedException',
    `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${resource} ${reason}`,
  )
}
