// The Condition block of a policy statement: its operators and how they compare.
import { matchesArn, matchesGlob } from './glob.ts'

export interface Condition {
  readonly quantifier: 'any' | 'all' | undefined
  readonly ifExists: boolean
  readonly operator: Operator
  readonly key: string
  readonly values: readonly string[]
}

/**
 * What a request says about itself. A known key that is absent has an empty list; a key this KMS knows
 * nothing about is undefined.
 */
export type RequestFacts = (key: string) => readonly string[] | undefined

/** `unknown` when local-kms cannot tell; the caller must then decide against the request. */
export type Verdict = boolean | 'unknown'

interface Operator {
  readonly compare: (wanted: string, actual: string) => boolean
  readonly negated?: boolean
}

const equals = (wanted: string, actual: string): boolean => wanted === actual
const equalsIgnoringCase = (wanted: string, actual: string): boolean =>
  wanted.toLowerCase() === actual.toLowerCase()

const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', { compare: equals }],
  ['StringNotEquals', { compare: equals, negated: true }],
  ['StringEqualsIgnoreCase', { compare: equalsIgnoringCase }],
  ['StringNotEqualsIgnoreCase', { compare: equalsIgnoringCase, negated: true }],
  ['StringLike', { compare: matchesGlob }],
  ['StringNotLike', { compare: matchesGlob, negated: true }],
  ['ArnEquals', { compare: matchesArn }],
  ['ArnLike', { compare: matchesArn }],
  ['ArnNotEquals', { compare: matchesArn, negated: true }],
  ['ArnNotLike', { compare: matchesArn, negated: true }],
  ['Bool', { compare: equalsIgnoringCase }],
])

// Null asks whether a key is there at all, so it is no comparison of values.
const NULL: Operator = { compare: equals }

/** @returns undefined when the operator is none that local-kms evaluates. */
export function parseOperator(
  name: string,
): Pick<Condition, 'operator' | 'quantifier' | 'ifExists'> | undefined {
  const [, prefix, base = '', suffix] = /^(ForAnyValue:|ForAllValues:)?(\w+?)(IfExists)?$/.exec(name) ?? []
  if (name === 'Null') return { operator: NULL, quantifier: undefined, ifExists: false }
  const operator = OPERATORS.get(base)
  if (operator === undefined) return undefined
  const quantifier = prefix === 'ForAnyValue:' ? 'any' : prefix === 'ForAllValues:' ? 'all' : undefined
  return { operator, quantifier, ifExists: suffix !== undefined }
}

export function evaluateCondition(condition: Condition, facts: RequestFacts): Verdict {
  const actual = facts(condition.key)
  if (actual === undefined) return 'unknown'
  const { operator, quantifier, values } = condition
  if (operator === NULL) return values.includes(String(actual.length === 0))
  const matches = (one: string): boolean =>
    values.some((wanted) => operator.compare(wanted, one)) !== (operator.negated ?? false)
  if (quantifier === 'all') return actual.every(matches)
  if (actual.length === 0) return condition.ifExists || (quantifier !== 'any' && operator.negated === true)
  if (quantifier === 'any') return actual.some(matches)
  // AWS leaves a single-valued operator on several values undefined: agree only if all values agree.
  const verdicts = new Set(actual.map(matches))
  return verdicts.size === 1 ? verdicts.has(true) : 'unknown'
}
