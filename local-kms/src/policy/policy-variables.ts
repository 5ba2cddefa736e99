// Policy variables, as in `${aws:PrincipalTag/team}` and `${aws:username, 'nobody'}`. A value that a variable brings in
// has no wildcards, and neither have `${*}`, `${?}` and `${$}`.
import type { RequestFacts } from './conditions.ts'
import { withoutWildcards } from './glob.ts'

const variablePattern = /\$\{([^{}]*)\}/g
const variableParts = /^\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?$/

/** Undefined when the request has no value, or several, for a variable without a default. */
export function resolveVariables(text: string, facts: RequestFacts): string | undefined {
  const missing: string[] = []
  const resolved = text.replace(variablePattern, (_, inside: string) => {
    if (['*', '?', '$'].includes(inside)) return withoutWildcards(inside)
    const [, name = '', fallback] = variableParts.exec(inside) ?? []
    const values = facts(name)
    const value = values.length === 1 ? values[0] : fallback
    if (value === undefined) missing.push(name)
    return withoutWildcards(value ?? '')
  })
  return missing.length === 0 ? resolved : undefined
}
