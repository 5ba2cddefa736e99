// The gaps that docs/threat-model.md names: somebody who writes to the database can do this all the same.
import type { Attack } from './attacks.ts'
import type { Way } from './verdicts.ts'

/** The names that the threat model gives them. */
export const knownGaps = ['older slice', 'exchanged names'] as const
export type Gap = (typeof knownGaps)[number]

// Rows that are anchors themselves: where one is put back, nothing else says that it is older.
const anchors = new Set(['tenant_guards', 'installation'])

/** The tenant whose tenant key version has format 1: nothing proves the names of its data keys. */
export const tenantOfFormat1 = 'early'

/** The consequence of exchanged names. */
export function underOtherName(tenant: string): string {
  return `encrypts for ${tenant} under the data key of another name`
}

/** The gap that an attack belongs to which has these forbidden consequences. */
export function gapOf(
  { table, column, name }: Attack,
  way: Way,
  forbidden: readonly string[],
): Gap | undefined {
  if (table === 'cipherkeys' && column === 'key_name')
    return forbidden.every((each) => each === underOtherName(tenantOfFormat1)) ? 'exchanged names' : undefined
  // A replica that starts with what it has kept outside of the database knows the newer rows.
  if (way !== 'restart') return undefined
  if (name === 'put back with its anchors') return 'older slice'
  if (name === 'put back after a change' && anchors.has(table)) return 'older slice'
  return undefined
}
