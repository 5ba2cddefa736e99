// The gaps that docs/threat-model.md names: somebody who writes to the database can do this all the same.
import type { Attack } from './attacks.ts'
import type { Way } from './verdicts.ts'

/** The names that the threat model gives them. */
export const knownGaps = ['older slice'] as const
export type Gap = (typeof knownGaps)[number]

// Rows that are anchors themselves: where one is put back, nothing else says that it is older.
const anchors = new Set(['tenant_guards', 'installation'])

/** The gap that an attack with a forbidden consequence belongs to. */
export function gapOf({ table, name }: Attack, way: Way): Gap | undefined {
  if (way !== 'restart') return undefined
  if (name === 'put back with its anchors') return 'older slice'
  if (name === 'put back after a change' && anchors.has(table)) return 'older slice'
  return undefined
}
