// The answer of one policy to a request.
import { partitionOfArn } from '../keys/partition.ts'
import type { AccessRequest } from './access-request.ts'
import { evaluateCondition } from './conditions.ts'
import { matchesArn, matchesGlob } from './glob.ts'
import type { Policy, Selection, Statement } from './parse-policy.ts'
import { resolveVariables } from './policy-variables.ts'
import { type Principal, rootArn } from './principal.ts'

/**
 * How a statement names the caller: the caller itself (or everybody), the role whose session it is, or its account,
 * which leaves the decision to the account's own policies.
 */
export type PrincipalMatch = 'caller' | 'role' | 'account'

/** The answer of a policy with principals. Empty: it says nothing. */
export type ResourceEffect = 'Deny' | ReadonlySet<PrincipalMatch>

/** The answer of a policy without principals, or of one whose principals do not matter here. */
export function policyEffect(policy: Policy, request: AccessRequest): 'Allow' | 'Deny' | undefined {
  const applying = policy.filter((statement) => applies(statement, request))
  if (applying.some((statement) => statement.effect === 'Deny')) return 'Deny'
  return applying.length > 0 ? 'Allow' : undefined
}

export function resourceEffect(policy: Policy, request: AccessRequest): ResourceEffect {
  const allowed = new Set<PrincipalMatch>()
  for (const statement of policy) {
    const match = principalMatch(statement.principals, request.caller)
    if (match === undefined || !applies(statement, request)) continue
    if (statement.effect === 'Deny') return 'Deny'
    allowed.add(match)
  }
  return allowed
}

function applies(statement: Statement, request: AccessRequest): boolean {
  const action = request.action.toLowerCase()
  if (!selects(statement.actions, (pattern) => matchesGlob(pattern, action))) return false
  const { resources, conditions } = statement.hasVariables ? resolved(statement, request) : statement
  const { resource } = request
  const onResource = (pattern: string): boolean => pattern === '*' || matchesArn(pattern, resource)
  if (!selects(resources, onResource)) return false
  const verdicts = conditions.map((condition) => evaluateCondition(condition, request.facts))
  if (verdicts.includes(false)) return false
  // A condition that cannot be judged counts against the request: it allows nothing and denies everything.
  return statement.effect === 'Deny' || !verdicts.includes('unknown')
}

// A text with a variable that the request has no value for matches nothing.
function resolved(
  { resources, conditions }: Statement,
  { facts }: AccessRequest,
): Pick<Statement, 'resources' | 'conditions'> {
  const resolveAll = (texts: readonly string[]): string[] =>
    texts.map((text) => resolveVariables(text, facts)).filter((text) => text !== undefined)
  return {
    resources: { ...resources, patterns: resolveAll(resources.patterns) },
    conditions: conditions.map((condition) => ({ ...condition, values: resolveAll(condition.values) })),
  }
}

function selects(selection: Selection, matches: (pattern: string) => boolean): boolean {
  return selection.patterns.some(matches) !== selection.not
}

function principalMatch(principals: Selection | undefined, caller: Principal): PrincipalMatch | undefined {
  if (principals === undefined) return undefined
  const { patterns } = principals
  const isCallerNamed = patterns.includes('*') || (!isRoot(caller) && patterns.includes(caller.arn))
  // A policy names a session by its own ARN, or by that of the role whose session it is.
  const isRoleNamed = caller.roleArn !== undefined && patterns.includes(caller.roleArn)
  const root = rootArn(caller.account, partitionOfArn(caller.arn))
  const isAccountNamed = patterns.includes(caller.account) || patterns.includes(root)
  if (principals.not) return isCallerNamed || isRoleNamed || isAccountNamed ? undefined : 'caller'
  if (isCallerNamed) return 'caller'
  if (isRoleNamed) return 'role'
  return isAccountNamed ? 'account' : undefined
}

function isRoot(caller: Principal): boolean {
  return caller.arn.endsWith(':root')
}
