// The Condition block of a policy statement: its operators and how they compare.
import { type Comparison, comparisons } from './operators.ts'

export interface Condition extends ConditionOperator {
  key: string
  values: readonly string[]
}

/** An operator of a policy document, with its prefix and its suffix. */
export interface ConditionOperator {
  comparison: Comparison
  quantifier: 'any' | 'all' | undefined
  ifExists: boolean
}

/** The values that a request has for a condition key: none for a key that is absent. */
export type RequestFacts = (key: string) => readonly string[]

/** `unknown`: AWS does not say. The statement must then count against the request. */
export type Verdict = boolean | 'unknown'

// Null asks whether a key is there at all, so it compares no values.
const isAbsent: Comparison = { matches: () => false, isNegated: false }

/** Undefined for an operator that local-kms does not evaluate. */
export function parseOperator(name: string): ConditionOperator | undefined {
  if (name === 'Null') return { comparison: isAbsent, quantifier: undefined, ifExists: false }
  const [, prefix, base = '', suffix] = /^(ForAnyValue:|ForAllValues:)?(\w+?)(IfExists)?$/.exec(name) ?? []
  const comparison = comparisons.get(base)
  if (comparison === undefined) return undefined
  const quantifier = prefix === 'ForAnyValue:' ? 'any' : prefix === 'ForAllValues:' ? 'all' : undefined
  return { comparison, quantifier, ifExists: suffix !== undefined }
}

/** @param facts - by condition keys in lower case: IAM compares the keys without regard to case */
export function createRequestFacts(facts: Readonly<Record<string, readonly string[]>>): RequestFacts {
  const byKey = new Map(Object.entries(facts))
  return (key) => byKey.get(key.toLowerCase()) ?? []
}

export function evaluateCondition(condition: Condition, facts: RequestFacts): Verdict {
  const actual = facts(condition.key)
  const { comparison, quantifier, values, ifExists } = condition
  if (comparison === isAbsent) return values.includes(String(actual.length === 0))
  const matches = (one: string): boolean =>
    values.some((wanted) => comparison.matches(wanted, one)) !== comparison.isNegated
  if (quantifier === 'all') return actual.every(matches)
  if (actual.length === 0) return ifExists || (quantifier !== 'any' && comparison.isNegated)
  if (quantifier === 'any') return actual.some(matches)
  // AWS does not define a single-valued operator on several values. The verdict stands only if they all agree.
  const verdicts = new Set(actual.map(matches))
  return verdicts.size === 1 ? verdicts.has(true) : 'unknown'
}
