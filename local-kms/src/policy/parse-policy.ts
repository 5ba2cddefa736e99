// Reads a policy document. It refuses documents that AWS would refuse, and documents that local-kms would misjudge.
import { findUnknownMember, isJsonObject, type JsonObject } from '../json-object.ts'
import { malformedPolicy } from '../kms-error.ts'
import { type Condition, parseOperator } from './conditions.ts'
import { matchesGlob } from './glob.ts'
import type { Comparison } from './operators.ts'
import { keyPolicyActions } from './key-policy-actions.ts'

export type Policy = readonly Statement[]

/** A list that the request must be in, or (`not`) must not be in. */
export interface Selection {
  not: boolean
  patterns: readonly string[]
}

export interface Statement {
  effect: 'Allow' | 'Deny'
  /** `*`, account ids and ARNs of AWS principals; absent in identity policies. */
  principals: Selection | undefined
  /** In lower case, because actions are compared without regard to case. */
  actions: Selection
  resources: Selection
  conditions: readonly Condition[]
  /** Whether texts with variables are to be resolved. Only the newer version of policies has variables. */
  hasVariables: boolean
}

/**
 * A `trust` policy says who may assume a role. It names no resource: the role is the only one. A `resource` policy has
 * principals and actions of any service.
 */
type PolicyKind = 'key' | 'identity' | 'trust' | 'resource'

const principalPattern =
  /^(?:\*|\d{12}|arn:aws[a-z-]*:(?:iam::\d{12}:(?:root|(?:user|role)\/[\w+=,.@/-]+)|sts::\d{12}:[\w+=,.@/-]+))$/

/** @throws KmsError MalformedPolicyDocumentException, with the reason */
export function parsePolicy(text: string | undefined, kind: PolicyKind): Policy {
  let parsed: unknown
  try {
    parsed = JSON.parse(text ?? '')
  } catch {
    throw malformedPolicy('Policy is not valid JSON.')
  }
  const document = membersOf(parsed, 'Policy', ['Version', 'Id', 'Statement'])
  if (document.Version !== undefined && !isOneOf(document.Version, ['2012-10-17', '2008-10-17'])) {
    throw malformedPolicy('Policy contains an unsupported Version.')
  }
  const statements = listOf(document.Statement)
  if (statements.length === 0) throw malformedPolicy('Policy must contain at least one statement.')
  const mayHaveVariables = document.Version === '2012-10-17'
  return statements.map((statement) => ({
    ...parseStatement(statement, kind),
    hasVariables: mayHaveVariables && JSON.stringify(statement).includes('${'),
  }))
}

function parseStatement(value: unknown, kind: PolicyKind): Omit<Statement, 'hasVariables'> {
  const members = membersOf(value, 'Statement', [
    ...['Sid', 'Effect', 'Action', 'NotAction', 'Condition'],
    ...(kind === 'trust' ? [] : ['Resource', 'NotResource']),
    ...(kind === 'identity' ? [] : ['Principal', 'NotPrincipal']),
  ])
  const effect = members.Effect
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw malformedPolicy('Policy contains a statement without an Effect of Allow or Deny.')
  }
  const principals = kind === 'identity' ? undefined : parseSelection(members, 'Principal', parsePrincipals)
  if (principals?.not === true && effect === 'Allow') {
    throw malformedPolicy('Policy contains a statement that uses NotPrincipal with Allow.')
  }
  return {
    effect,
    principals,
    actions: parseSelection(members, 'Action', (actions) => parseActions(actions, kind)),
    resources:
      kind === 'trust'
        ? { not: false, patterns: ['*'] }
        : parseSelection(members, 'Resource', (resources) => parseTexts(resources, 'resources')),
    conditions: parseConditions(members.Condition),
  }
}

function parseSelection(members: JsonObject, name: string, parse: (value: unknown) => string[]): Selection {
  const positive = members[name]
  const negative = members[`Not${name}`]
  if ((positive === undefined) === (negative === undefined)) {
    throw malformedPolicy(`Policy statement must contain either ${name} or Not${name}.`)
  }
  const patterns = parse(positive ?? negative)
  if (patterns.length === 0) throw malformedPolicy(`Policy contains a statement with no ${name}.`)
  return { not: positive === undefined, patterns }
}

function parsePrincipals(value: unknown): string[] {
  if (value === '*') return ['*']
  const byType = membersOf(value, 'Principal', ['AWS', 'Service', 'Federated'])
  const aws = byType.AWS === undefined ? [] : parseTexts(byType.AWS, 'principals')
  if (!aws.every((principal) => principalPattern.test(principal))) {
    throw malformedPolicy('Policy contains a statement with one or more invalid principals.')
  }
  // No AWS service and no federated user ever calls a KMS on loopback: they stay in the list and match nobody.
  const others = [byType.Service, byType.Federated].flatMap((names) =>
    names === undefined ? [] : parseTexts(names, 'principals').map((name) => `other:${name}`),
  )
  return [...aws, ...others]
}

function parseActions(value: unknown, kind: PolicyKind): string[] {
  return parseTexts(value, 'actions').map((action) => {
    const pattern = action.toLowerCase()
    const isWellFormed = pattern === '*' || /^[a-z0-9-]+:[a-z0-9*?]+$/.test(pattern)
    if (!isWellFormed || !isKnownAction(pattern, kind)) {
      throw malformedPolicy(`Policy contains a statement with one or more invalid actions: ${action}`)
    }
    return pattern
  })
}

function isKnownAction(pattern: string, kind: PolicyKind): boolean {
  if (kind === 'identity' || kind === 'resource') return true
  if (kind === 'trust') return pattern.startsWith('sts:')
  return keyPolicyActions.some((name) => matchesGlob(pattern, name))
}

function parseConditions(value: unknown): Condition[] {
  if (value === undefined) return []
  return Object.entries(membersOf(value, 'Condition')).flatMap(([name, keys]) => {
    const operator = parseOperator(name)
    if (operator === undefined)
      throw malformedPolicy(`Policy contains an unsupported condition operator: ${name}`)
    return Object.entries(membersOf(keys, name)).map(([key, values]) => ({
      ...operator,
      key,
      values: parseValues(values, operator.comparison),
    }))
  })
}

function parseValues(value: unknown, { isValid = () => true }: Comparison): string[] {
  const values = parseTexts(value, 'condition values')
  // The value of a variable is not known yet.
  const wrong = values.find((one) => !one.includes('${') && !isValid(one))
  if (wrong !== undefined) throw malformedPolicy(`Policy contains an invalid condition value: ${wrong}`)
  return values
}

function parseTexts(value: unknown, what: string): string[] {
  return listOf(value).map((one) => {
    const text = typeof one === 'boolean' || typeof one === 'number' ? String(one) : one
    if (typeof text !== 'string') throw malformedPolicy(`Policy contains a statement with invalid ${what}.`)
    return text
  })
}

function membersOf(value: unknown, what: string, allowed?: readonly string[]): JsonObject {
  if (!isJsonObject(value)) throw malformedPolicy(`${what} is not a JSON object.`)
  const unknown = allowed === undefined ? undefined : findUnknownMember(value, allowed)
  if (unknown !== undefined) throw malformedPolicy(`${what} contains an unknown field: ${unknown}`)
  return value
}

function listOf(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value]
}

function isOneOf(value: unknown, allowed: readonly string[]): boolean {
  return typeof value === 'string' && allowed.includes(value)
}
