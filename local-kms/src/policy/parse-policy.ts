// Reads a policy document and refuses what AWS would refuse, and what local-kms could only misjudge.
import { malformedPolicy } from '../kms-error.ts'
import { KEY_POLICY_ACTIONS } from './key-policy-actions.ts'
import { type Condition, parseOperator } from './conditions.ts'
import { matchesGlob } from './glob.ts'

export type Policy = readonly Statement[]

/** A list that the request must be in, or (`not`) must not be in. */
export interface Selection {
  readonly not: boolean
  readonly patterns: readonly string[]
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny'
  /** `*`, account ids and ARNs of AWS principals; absent in identity policies. */
  readonly principals: Selection | undefined
  /** Lower case: actions are compared without regard to case. */
  readonly actions: Selection
  readonly resources: Selection
  readonly conditions: readonly Condition[]
}

/** `trust`: who may assume a role; the role is the only resource, so that none is named. */
type Kind = 'key' | 'identity' | 'trust'
type Fields = Partial<Record<string, unknown>>

const PRINCIPAL =
  /^(?:\*|\d{12}|arn:aws:(?:iam::\d{12}:(?:root|(?:user|role)\/[\w+=,.@/-]+)|sts::\d{12}:[\w+=,.@/-]+))$/

/** @throws KmsError MalformedPolicyDocumentException that says what is wrong. */
export function parsePolicy(text: string | undefined, kind: Kind): Policy {
  let parsed: unknown
  try {
    parsed = JSON.parse(text ?? '')
  } catch {
    throw malformedPolicy('Policy is not valid JSON.')
  }
  const document = fieldsOf(parsed, 'Policy', ['Version', 'Id', 'Statement'])
  if (document.Version !== undefined && !isOneOf(document.Version, ['2012-10-17', '2008-10-17'])) {
    throw malformedPolicy('Policy contains an unsupported Version.')
  }
  const statements = listOf(document.Statement)
  if (statements.length === 0) throw malformedPolicy('Policy must contain at least one statement.')
  return statements.map((statement) => parseStatement(statement, kind))
}

function parseStatement(value: unknown, kind: Kind): Statement {
  const fields = fieldsOf(value, 'Statement', [
    ...['Sid', 'Effect', 'Action', 'NotAction', 'Condition'],
    ...(kind === 'trust' ? [] : ['Resource', 'NotResource']),
    ...(kind === 'identity' ? [] : ['Principal', 'NotPrincipal']),
  ])
  const effect = fields.Effect
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw malformedPolicy('Policy contains a statement without an Effect of Allow or Deny.')
  }
  const principals = kind === 'identity' ? undefined : selection(fields, 'Principal', parsePrincipals)
  if (principals?.not === true && effect === 'Allow') {
    throw malformedPolicy('Policy contains a statement that uses NotPrincipal with Allow.')
  }
  return {
    effect,
    principals,
    actions: selection(fields, 'Action', (actions) => parseActions(actions, kind)),
    resources:
      kind === 'trust'
        ? { not: false, patterns: ['*'] }
        : selection(fields, 'Resource', (resources) => strings(resources, 'resources')),
    conditions: parseConditions(fields.Condition),
  }
}

function selection(fields: Fields, name: string, parse: (value: unknown) => string[]): Selection {
  const positive = fields[name]
  const negative = fields[`Not${name}`]
  if ((positive === undefined) === (negative === undefined)) {
    throw malformedPolicy(`Policy statement must contain either ${name} or Not${name}.`)
  }
  const patterns = parse(positive ?? negative)
  if (patterns.length === 0) throw malformedPolicy(`Policy contains a statement with no ${name}.`)
  return { not: positive === undefined, patterns }
}

function parsePrincipals(value: unknown): string[] {
  if (value === '*') return ['*']
  const invalid = malformedPolicy('Policy contains a statement with one or more invalid principals.')
  const byType = fieldsOf(value, 'Principal', ['AWS', 'Service', 'Federated'])
  const aws = byType.AWS === undefined ? [] : strings(byType.AWS, 'principals')
  if (!aws.every((principal) => PRINCIPAL.test(principal))) throw invalid
  // No AWS service and no federated user ever calls a KMS on loopback: they stay in the list, matching nobody.
  const others = [byType.Service, byType.Federated].flatMap((names) =>
    names === undefined ? [] : strings(names, 'principals').map((name) => `other:${name}`),
  )
  return [...aws, ...others]
}

function parseActions(value: unknown, kind: Kind): string[] {
  return strings(value, 'actions').map((action) => {
    const pattern = action.toLowerCase()
    const wellFormed = pattern === '*' || /^[a-z0-9-]+:[a-z0-9*?]+$/.test(pattern)
    const known =
      kind === 'identity' ||
      (kind === 'trust'
        ? pattern.startsWith('sts:')
        : KEY_POLICY_ACTIONS.some((name) => matchesGlob(pattern, name)))
    if (!wellFormed || !known) {
      throw malformedPolicy(`Policy contains a statement with one or more invalid actions: ${action}`)
    }
    return pattern
  })
}

function parseConditions(value: unknown): Condition[] {
  if (value === undefined) return []
  return Object.entries(fieldsOf(value, 'Condition')).flatMap(([name, keys]) => {
    const operator = parseOperator(name)
    if (operator === undefined)
      throw malformedPolicy(`Policy contains an unsupported condition operator: ${name}`)
    return Object.entries(fieldsOf(keys, name)).map(([key, values]) => ({
      ...operator,
      key,
      values: strings(values, 'condition values'),
    }))
  })
}

function strings(value: unknown, what: string): string[] {
  return listOf(value).map((one) => {
    const text = typeof one === 'boolean' || typeof one === 'number' ? String(one) : one
    if (typeof text !== 'string') throw malformedPolicy(`Policy contains a statement with invalid ${what}.`)
    // Taken literally, a variable in a Deny would deny nothing.
    if (text.includes('${')) throw malformedPolicy('local-kms does not evaluate policy variables.')
    return text
  })
}

function fieldsOf(value: unknown, what: string, allowed?: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformedPolicy(`${what} is not a JSON object.`)
  }
  const unknown =
    allowed === undefined ? undefined : Object.keys(value).find((name) => !allowed.includes(name))
  if (unknown !== undefined) throw malformedPolicy(`${what} contains an unknown field: ${unknown}`)
  return { ...value }
}

function listOf(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value]
}

function isOneOf(value: unknown, allowed: readonly string[]): boolean {
  return typeof value === 'string' && allowed.includes(value)
}
